// The functions say nothing of the processor that Halide had in mind once their triple, data layout and
// attributes are gone.
#include "targets/Common/BitcodeCompiler.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <Halide.h>

using namespace llvm;
using namespace halyard;

static void addCodeGenerators() {
  LLVMInitializeARMTargetInfo();
  LLVMInitializeARMTarget();
  LLVMInitializeARMTargetMC();
  LLVMInitializeARMAsmPrinter();
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
}

static std::unique_ptr<TargetMachine> makeMachine(const CodeMachine &machine) {
  addCodeGenerators();
  Triple triple(machine.triple);
  std::string problem;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    throw Halide::CompileError(problem);
  TargetOptions options;
  options.FloatABIType = FloatABI::Hard;
  options.FunctionSections = true; // so that what is not called is left out
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      triple, machine.processor, machine.features, options,
      machine.isRelocatable ? Reloc::PIC_ : Reloc::Static, std::nullopt, CodeGenOptLevel::Aggressive));
}

static void retarget(llvm::Module &module, const TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &function : module)
    for (StringRef attribute : {"target-cpu", "target-features", "tune-cpu", "reciprocal-estimates"})
      function.removeFnAttr(attribute);
}

static void generate(llvm::Module &module, TargetMachine &machine, CodeFile kind, StringRef path) {
  std::error_code error;
  raw_fd_ostream file(path, error);
  if (error)
    throw Halide::CompileError(error.message());
  {
    legacy::PassManager passes;
    if (machine.addPassesToEmitFile(passes, file, nullptr,
                                    kind == CodeFile::object ? CodeGenFileType::ObjectFile
                                                             : CodeGenFileType::AssemblyFile))
      throw Halide::CompileError("no such file can be made");
    passes.run(module);
  } // assembly is written out when its printer goes
  file.close();
  error = file.error();
  file.clear_error();
  if (error)
    throw Halide::CompileError(error.message());
}

void halyard::compileBitcode(const Halide::Module &kernel, const CodeMachine &description, CodeFile kind,
                             StringRef path) {
  SmallString<128> bitcode;
  if (std::error_code error = sys::fs::createTemporaryFile("halyard", "bc", bitcode))
    throw Halide::CompileError("no temporary file can be made: " + error.message());
  FileRemover remove(bitcode);
  kernel.compile({{Halide::OutputFileType::bitcode, bitcode.str().str()}});
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module = parseIRFile(bitcode, diagnostic, context);
  if (!module)
    throw Halide::CompileError(diagnostic.getMessage().str());
  std::unique_ptr<TargetMachine> machine = makeMachine(description);
  retarget(*module, *machine);
  description.rewrite(*module, *machine);
  generate(*module, *machine, kind, path);
}
