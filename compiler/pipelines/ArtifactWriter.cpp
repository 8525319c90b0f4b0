// Writes an artifact; see the header. Each kind of file has a source of its own under emit/.
#include "compiler/pipelines/ArtifactWriter.h"

#include "compiler/pipelines/emit/Build.h"
#include "compiler/pipelines/emit/Files.h"
#include "compiler/pipelines/emit/Interface.h"
#include "compiler/pipelines/emit/Kernels.h"
#include "compiler/pipelines/emit/Report.h"
#include "compiler/pipelines/emit/WeightsFile.h"
#include "passes/Conversion/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Target/Cpp/CppEmitter.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace halyard {

/// The functions of the program as C++. Works on a module that holds a copy of the program, which it uses up.
static FailureOr<std::string> generatedFunctions(rt::ProgramOp program) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(program.getLoc());
  // Constants stay behind but for their places, so that large ones are not walked again.
  module->getBody()->push_back(program->clone());
  PassManager manager(program.getContext());
  manager.addPass(createCSEPass());
  manager.addPass(createRtToEmitC());
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (failed(manager.run(*module)) || failed(emitc::translateToCpp(*module, stream)))
    return failure();
  return text;
}

LogicalResult writeArtifact(ModuleOp module, const ArtifactOptions &options) {
  auto programs = module.getOps<rt::ProgramOp>();
  if (programs.empty())
    return module.emitError("holds no rt.program: an artifact is written after the phase 'plan'");
  rt::ProgramOp program = *programs.begin();
  std::string name = program.getSymName().str();
  emit::ObjectCache cache(options.cache);

  std::string problem;
  const Target *target = lookupTarget(options.target, &problem);
  if (!target)
    return program.emitError() << problem;

  bool isOnDevice = !target->deviceInterface().empty();
  if (isOnDevice && program.getRecompute())
    return program.emitError() << "its decoder computes the whole text again for every token, which target '"
                               << target->name() << "' cannot do; compile it for a processor";

  emit::nameKernels(program, target->name());
  FailureOr<std::vector<std::string>> kernels =
      emit::compileKernels(program, *target, emit::pathIn(options.directory, "kernels"), cache);
  if (failed(kernels))
    return failure();
  FailureOr<uint64_t> checksum =
      emit::writeWeights(program, emit::pathIn(options.directory, name + ".weights"));
  if (failed(checksum))
    return failure();
  FailureOr<std::string> functions = generatedFunctions(program);
  auto generation = module->getAttrOfType<DictionaryAttr>("halyard.generation");
  FailureOr<std::string> interface = emit::interfaceSource(program, *target, generation, *checksum);
  if (failed(functions) || failed(interface))
    return failure();

  std::string source = "// " + name + ", compiled by Halyard: what encode and step do, call by call.\n" +
                       (isOnDevice ? "#define HALYARD_DEVICE\n" : "") + "#include \"" + name + ".h\"\n\n" +
                       *functions + *interface;
  emit::BuildInputs inputs{options.directory, name, std::move(*kernels), target->buildTools()};
  Location location = program.getLoc();
  auto write = [&](const std::string &file, StringRef text) {
    return emit::writeFile(location, emit::pathIn(options.directory, file), text);
  };
  if (failed(write(name + ".h", emit::interfaceHeader(program, *target))) ||
      failed(write(name + ".cpp", source)) || failed(emit::writeBuildFiles(location, inputs)) ||
      failed(emit::build(location, inputs, cache)))
    return failure();
  return write("report.json", emit::report(program, *target, options, inputs.kernels));
}

} // namespace halyard
