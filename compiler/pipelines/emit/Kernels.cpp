// Compiles a program's kernels through its target; see the header.
#include "compiler/pipelines/emit/Kernels.h"
#include "compiler/pipelines/emit/Dispatch.h"
#include "compiler/pipelines/emit/Files.h"
#include "compiler/pipelines/emit/NpuKernel.h"
#include "targets/Common/Target.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace halyard::emit {

namespace {

/// A word for what a kernel does, for people who read its name.
StringRef kindOf(func::FuncOp kernel) {
  StringRef kind = npuProgram(kernel) ? "npu_linear" : "copy";
  kernel.walk([&](Operation *op) {
    if (isa<seq::AttentionOp>(op))
      kind = "attention";
    else if (isa<seq::LinearOp>(op))
      kind = "linear";
    else if (isa<seq::QuantizeOp>(op))
      kind = "quantize";
    else if (isa<seq::SplitOp>(op))
      kind = "split";
    else if (isa<seq::NormOp>(op))
      kind = "norm";
    else if (isa<seq::RotaryOp>(op))
      kind = "rotary";
    else if (isa<seq::PrefixSumOp>(op))
      kind = "prefix_sum";
    else if (auto generic = dyn_cast<linalg::LinalgOp>(op); generic && !isa<linalg::FillOp>(op)) {
      if (generic.getNumReductionLoops())
        kind = generic.getNumDpsInputs() > 1 ? "contraction" : "reduction";
      else if (kind == "copy")
        kind = "map";
    }
  });
  return kind;
}

/// The kernel as text, without its name and locations.
std::string textOf(func::FuncOp kernel) {
  StringAttr name = kernel.getSymNameAttr();
  kernel.setSymName("kernel");
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  kernel.setSymNameAttr(name);
  return text;
}

/// Changes with the compiler itself: objects made by another build are not taken from the cache.
std::string compilerIdentity() {
  static int anchor;
  std::string path = llvm::sys::fs::getMainExecutable("halyard", &anchor);
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return file ? std::to_string(llvm::xxh3_64bits((*file)->getBuffer())) : std::string();
}

SmallVector<func::FuncOp> kernelsOf(rt::ProgramOp program) {
  SmallVector<func::FuncOp> kernels;
  for (func::FuncOp function : program.getBody().getOps<func::FuncOp>())
    if (function.isPrivate())
      kernels.push_back(function);
  return kernels;
}

} // namespace

void nameKernels(rt::ProgramOp program, StringRef target) {
  DenseMap<StringAttr, FlatSymbolRefAttr> names;
  llvm::StringMap<bool> present;
  for (func::FuncOp kernel : kernelsOf(program)) {
    std::string name =
        ("halyard_" + kindOf(kernel) + "_").str() + contentHash({textOf(kernel), target}).substr(0, 16);
    names[kernel.getSymNameAttr()] = FlatSymbolRefAttr::get(program.getContext(), name);
    if (present.try_emplace(name).second)
      kernel.setSymName(name);
    else
      kernel.erase();
  }
  program.walk(
      [&](rt::KernelCallOp call) { call.setKernelAttr(names.lookup(call.getKernelAttr().getAttr())); });
}

namespace {
/// Compiles kernels one by one and collects the names of their files.
class KernelCompilation {
public:
  KernelCompilation(StringRef directory, const ObjectCache &cache) : directory(directory), cache(cache) {}

  /// Writes the file of a kernel under another name, from the cache if it is there.
  LogicalResult compile(func::FuncOp kernel, const Target &target, const std::string &name) {
    files.push_back(name + target.kernelSuffix().str());
    std::string path = pathIn(directory, files.back());
    std::string key = contentHash({textOf(kernel), name, target.name(), compiler});
    if (std::optional<std::string> object = cache.find(key))
      return writeFile(kernel.getLoc(), path, *object);
    StringAttr original = kernel.getSymNameAttr();
    kernel.setSymName(name);
    LogicalResult compiled = compileKernel(kernel, target, path);
    kernel.setSymNameAttr(original);
    if (failed(compiled))
      return failure();
    if (std::optional<std::string> made = readFile(path))
      cache.keep(key, *made);
    return success();
  }

  /// The same for a kernel that the target's NPU runs.
  LogicalResult writeForNpu(func::FuncOp kernel) {
    files.push_back((kernel.getSymName() + ".cpp").str());
    return writeFile(kernel.getLoc(), pathIn(directory, files.back()), npuKernelSource(kernel));
  }

  /// The same for a kernel that every program of the target has.
  LogicalResult compileCommon(StringRef name, const Target &target, Location location) {
    files.push_back((name + ".o").str());
    std::string path = pathIn(directory, files.back());
    std::string key = contentHash({name, target.name(), compiler});
    if (std::optional<std::string> object = cache.find(key))
      return writeFile(location, path, *object);
    if (failed(compileCommonKernel(name, target, path, location)))
      return failure();
    if (std::optional<std::string> made = readFile(path))
      cache.keep(key, *made);
    return success();
  }

  std::vector<std::string> files;

private:
  StringRef directory;
  const ObjectCache &cache;
  std::string compiler = compilerIdentity();
};
} // namespace

FailureOr<std::vector<std::string>> compileKernels(rt::ProgramOp program, const Target &target,
                                                   StringRef directory, const ObjectCache &cache) {
  if (std::error_code error = llvm::sys::fs::create_directories(directory, true, llvm::sys::fs::all_all))
    return program.emitError() << directory << ": cannot be made: " << error.message();
  KernelCompilation compilation(directory, cache);
  std::vector<std::string> names;
  for (func::FuncOp kernel : kernelsOf(program)) {
    if (npuProgram(kernel)) {
      if (failed(compilation.writeForNpu(kernel)))
        return failure();
      continue;
    }
    names.push_back(kernel.getSymName().str());
    if (target.levels().empty() && failed(compilation.compile(kernel, target, names.back())))
      return failure();
    for (const Target *level : target.levels())
      if (failed(compilation.compile(kernel, *level, nameAtLevel(names.back(), *level))))
        return failure();
  }
  for (StringRef kernel : target.commonKernels())
    if (failed(compilation.compileCommon(kernel, target, program.getLoc())))
      return failure();
  std::vector<std::string> files = std::move(compilation.files);
  if (!target.levels().empty()) {
    llvm::sort(names);
    files.push_back("Dispatch.cpp");
    if (failed(writeFile(program.getLoc(), pathIn(directory, files.back()), dispatchSource(names, target))))
      return failure();
  }
  llvm::sort(files);
  return files;
}

} // namespace halyard::emit
