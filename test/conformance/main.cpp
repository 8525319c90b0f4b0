// Runs ONNX's node tests against the lowering and the evaluator, and compares what passes with a list that is
// checked in: a listed test that fails is an error. Tests not in the list are counted, and named if they
// pass.
//
//   conformance NODE_TESTS LIST            all tests
//   conformance NODE_TESTS LIST --only S   tests whose name contains S, with the reason of each failure
//   conformance NODE_TESTS LIST --why      all tests, with the reason of each failure
//   conformance NODE_TESTS LIST --update   writes what passes into the list
#include "NodeTest.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Conversion/OnnxHostOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <sys/wait.h>
#include <unistd.h>

using namespace halyard;

static llvm::StringSet<> readList(llvm::StringRef path) {
  llvm::StringSet<> names;
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return names;
  for (llvm::line_iterator line(**buffer, /*SkipBlanks=*/true, '#'); !line.is_at_end(); ++line)
    names.insert(line->trim());
  return names;
}

static std::vector<std::string> testsIn(llvm::StringRef directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator entry(directory, error), end; entry != end && !error;
       entry.increment(error))
    names.push_back(llvm::sys::path::filename(entry->path()).str());
  llvm::sort(names);
  return names;
}

static void writeList(llvm::StringRef path, llvm::ArrayRef<std::string> passed) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  file << "# Tests that pass; written by: conformance NODE_TESTS LIST --update\n";
  for (const std::string &name : passed)
    file << name << "\n";
}

static mlir::DialectRegistry dialects() {
  mlir::DialectRegistry registry;
  registry.insert<mlir::affine::AffineDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::linalg::LinalgDialect, mlir::math::MathDialect, mlir::tensor::TensorDialect,
                  onnx::ONNXDialect, seq::SeqDialect>();
  return registry;
}

/// Runs a test in a process of its own, so that one that crashes is one that fails.
static conformance::Outcome isolated(llvm::function_ref<conformance::Outcome()> run) {
  int channel[2];
  if (pipe(channel) != 0)
    return run();
  pid_t child = fork();
  if (child == 0) {
    conformance::Outcome outcome = run();
    std::string text = (outcome.passed ? "1" : "0") + outcome.reason;
    ssize_t written = write(channel[1], text.data(), text.size());
    _exit(written < 0);
  }
  close(channel[1]);
  std::string text(4096, 0);
  ssize_t size = read(channel[0], text.data(), text.size());
  close(channel[0]);
  waitpid(child, nullptr, 0);
  if (size <= 0)
    return {false, "crashed"};
  return {text[0] == '1', text.substr(1, size - 1)};
}

int main(int argc, char **argv) {
  if (argc < 3) {
    llvm::errs() << "usage: conformance NODE_TESTS LIST [--only TEXT | --why | --update]\n";
    return 2;
  }
  llvm::StringRef mode = argc > 3 ? argv[3] : "", only = mode == "--only" && argc > 4 ? argv[4] : "";
  llvm::StringSet<> listed = readList(argv[2]);
  mlir::MLIRContext context(dialects(), mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  Evaluator evaluator(&context);
  registerOnnxHostOps(evaluator);
  std::vector<std::string> passed;
  unsigned unsupported = 0, broken = 0, ran = 0;
  for (const std::string &name : testsIn(argv[1])) {
    if (!llvm::StringRef(name).contains(only))
      continue;
    ++ran;
    std::string folder = std::string(argv[1]) + "/" + name;
    auto run = [&] { return conformance::runNodeTest(&context, evaluator, folder); };
    conformance::Outcome outcome = mode == "--why" ? isolated(run) : run();
    bool expected = listed.contains(name);
    if (outcome.passed)
      passed.push_back(name);
    else
      ++(expected ? broken : unsupported);
    if (outcome.passed && !expected && mode != "--update")
      llvm::outs() << "passes but is not listed: " << name << "\n";
    if (!outcome.passed && (expected || mode == "--only" || mode == "--why"))
      llvm::outs() << "fails: " << name << ": " << outcome.reason << "\n";
  }
  if (mode == "--update")
    writeList(argv[2], passed);
  llvm::outs() << passed.size() << " of " << ran << " tests pass, " << unsupported << " are not supported, "
               << broken << " that should pass do not\n";
  return broken == 0 || mode == "--update" ? 0 : 1;
}
