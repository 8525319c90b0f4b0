// The functions say nothing of the processor that Halide had in mind once their triple, data layout and
// attributes are gone; they are optimised again, so that vectors become the ones that the processor has.
#include "targets/CortexM/ThumbObject.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace llvm;

static std::unique_ptr<TargetMachine> makeMachine(const halyard::ThumbMachine &machine,
                                                  std::string &problem) {
  LLVMInitializeARMTargetInfo();
  LLVMInitializeARMTarget();
  LLVMInitializeARMTargetMC();
  LLVMInitializeARMAsmPrinter();
  Triple triple(machine.triple);
  const Target *target = TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return nullptr;
  TargetOptions options;
  options.FloatABIType = FloatABI::Hard;
  options.FunctionSections = true; // so that what is not called is left out
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      triple, machine.processor, "", options, Reloc::Static, std::nullopt, CodeGenOptLevel::Aggressive));
}

static void retarget(Module &module, const TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &function : module) {
    for (StringRef attribute : {"target-cpu", "target-features", "tune-cpu", "reciprocal-estimates"})
      function.removeFnAttr(attribute);
    if (!function.isDeclaration())
      function.addFnAttr(Attribute::OptimizeForSize);
  }
}

/// Schedules have unrolled what is worth it; from longer code, sums across vectors are not recognised any
/// more.
static void optimise(Module &module, TargetMachine &machine) {
  PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O2).run(module, modules);
}

std::string halyard::compileForThumb(StringRef bitcode, const ThumbMachine &processor, ThumbFile kind,
                                     StringRef path) {
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> module = parseIRFile(bitcode, diagnostic, context);
  if (!module)
    return diagnostic.getMessage().str();
  std::string problem;
  std::unique_ptr<TargetMachine> machine = makeMachine(processor, problem);
  if (!machine)
    return problem;
  retarget(*module, *machine);
  optimise(*module, *machine);
  std::error_code error;
  raw_fd_ostream file(path, error);
  if (error)
    return error.message();
  {
    legacy::PassManager passes;
    if (machine->addPassesToEmitFile(passes, file, nullptr,
                                     kind == ThumbFile::object ? CodeGenFileType::ObjectFile
                                                               : CodeGenFileType::AssemblyFile))
      return "no such file can be made";
    passes.run(*module);
  } // assembly is written out when its printer goes
  file.close();
  error = file.error();
  file.clear_error();
  return error ? error.message() : "";
}
