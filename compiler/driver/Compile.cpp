// halyard compile: imports a model's folder, runs the phases over it and writes the artifact.
#include "compiler/driver/Commands.h"
#include "compiler/driver/CompileAccuracy.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/OutputDirectory.h"
#include "compiler/driver/Progress.h"
#include "compiler/frontend/Import.h"
#include "compiler/pipelines/ArtifactWriter.h"
#include "compiler/pipelines/Pipelines.h"
#include "compiler/pipelines/emit/Placement.h"
#include "dialects/Runtime/IR/Runtime.h"
#include "targets/Common/Npu.h"
#include "targets/Common/Target.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::driver;

namespace {

/// The artifact is named like the folder it is written to.
std::string artifactName(const CompileOptions &options) {
  if (!options.name.empty())
    return options.name;
  StringRef output = StringRef(options.output).rtrim('/');
  return output.empty() ? "" : onnx::makeIdentifier(llvm::sys::path::filename(output));
}

onnx::ImportOptions importOptions(const CompileOptions &options) {
  onnx::ImportOptions import;
  import.directory = options.model;
  import.files = {options.encoder, options.decoder, options.decoderWithPast, options.embedTokens};
  import.name = artifactName(options);
  import.maxSource = options.maxSource;
  import.maxTarget = options.maxTarget;
  return import;
}

PipelineOptions pipelineOptions(const CompileOptions &options) {
  PipelineOptions pipeline;
  if (options.maxRows)
    pipeline.maxRows = options.maxRows;
  if (options.slots)
    pipeline.slots = options.slots;
  pipeline.weights = options.weights;
  bool isFloat = options.weights == "f32" || options.weights == "bf16";
  const Target *target = lookupTarget(options.target);
  bool isOnDevice = target && !target->deviceInterface().empty(); // where caches are f32
  pipeline.kv = options.kv != "auto" ? options.kv : isOnDevice ? "f32" : isFloat ? options.weights : "int8";
  pipeline.screen = options.screen;
  pipeline.target = options.target;
  pipeline.isDeterministic = options.numerics == "deterministic";
  return pipeline;
}

ArtifactOptions artifactOptions(const CompileOptions &options, StringRef directory) {
  ArtifactOptions artifact;
  artifact.directory = directory.str();
  artifact.target = options.target;
  auto add = [&](StringRef name, StringRef value) {
    if (!value.empty())
      artifact.compileOptions.emplace_back(name.str(), value.str());
  };
  auto addNumber = [&](StringRef name, int64_t value) { add(name, value ? std::to_string(value) : ""); };
  add("encoder", options.encoder);
  add("decoder", options.decoder);
  add("decoder-with-past", options.decoderWithPast);
  add("embed-tokens", options.embedTokens);
  add("weights", options.weights);
  add("kv", options.kv == "auto" ? "" : options.kv);
  add("screen", options.screen);
  add("numerics", options.numerics);
  addNumber("max-source", options.maxSource);
  addNumber("max-target", options.maxTarget);
  addNumber("max-rows", options.maxRows);
  addNumber("slots", options.slots);
  return artifact;
}

/// Runs the phases after one up to and including another, one by one.
LogicalResult runWithProgress(ModuleOp module, Phase after, Phase last, const PipelineOptions &pipeline,
                              Progress &progress) {
  for (int phase = int(after) + 1; phase <= int(last); ++phase) {
    progress.step(phaseNames()[phase]);
    PassManager manager(module.getContext());
    buildPhase(manager, Phase(phase), pipeline);
    if (failed(manager.run(module)))
      return failure();
  }
  return success();
}

/// Prints the module with large constants elided, and without the section of resources that is then empty.
void printModule(ModuleOp module) {
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(16).elideLargeResourceString(64);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, flags);
  llvm::outs() << StringRef(text).rsplit("{-#").first.rtrim() << "\n";
  llvm::outs().flush();
}

/// Writes the artifact with what was measured, and puts it in place.
LogicalResult write(ModuleOp module, const CompileOptions &options, const CompileAccuracy &accuracy,
                    OutputDirectory &output, Progress &progress) {
  progress.step("emit");
  if (failed(writeArtifact(module, artifactOptions(options, output.temporary()))) ||
      failed(accuracy.addTo(output.temporary())))
    return failure();
  progress.done();
  return output.commit();
}

/// Where operators are computed, and how much of the memory is the NPU's.
void printPlacement(rt::ProgramOp program) {
  emit::Placement placement = emit::placementOf(program);
  if (!placement.npu.empty())
    llvm::outs() << program.getSymName() << ": " << placement.onNpu << " of " << placement.all
                 << " operators on " << placement.npu << ", the others on the processor; of the NPU are "
                 << placement.memoryBytes << " bytes of the arena and " << placement.weightBytes
                 << " bytes of weights\n";
}

/// What an image has to make room for.
void printMemory(ModuleOp module, StringRef target) {
  BuildTools tools = lookupTarget(target)->buildTools();
  if (!tools.linksWeights)
    return;
  for (rt::ProgramOp program : module.getOps<rt::ProgramOp>()) {
    llvm::outs() << program.getSymName() << ": " << *program.getArenaBytes() << " bytes of RAM (the arena), "
                 << *program.getWeightsBytes() << " bytes of weights\n";
    printPlacement(program);
    if (!tools.missingDriver.empty())
      llvm::outs() << program.getSymName() << ": no program for `halyard run` without " << tools.missingDriver
                   << "\n";
  }
  llvm::outs().flush();
}

/// Whether the options make sense together; prints what does not.
bool checkOptions(const CompileOptions &options) {
  auto fail = [](StringRef option, const Twine &what) {
    printError(("halyard compile: " + option).str(), what);
    return false;
  };
  if (!options.stopAfter.empty() && !parsePhase(options.stopAfter))
    return fail("--stop-after",
                "'" + options.stopAfter + "' is no phase; phases are " + llvm::join(phaseNames(), ", "));
  if (options.stopAfter.empty() && options.output.empty())
    return fail("--output", "is needed: the folder to write the artifact to");
  if (!options.name.empty() && options.name != onnx::makeIdentifier(options.name))
    return fail("--name", "'" + options.name + "' is no name for a C++ namespace");
  if (options.weights == "auto" && !options.stopAfter.empty())
    return fail("--weights", "'auto' is found out with artifacts, and with --stop-after there are none");
  if (options.tolerance && options.weights != "auto")
    return fail("--tolerance", "is for --weights auto");
  if (!options.accuracy.empty() && !options.stopAfter.empty())
    return fail("--accuracy", "is measured with artifacts, and with --stop-after there are none");
  std::string problem;
  const Target *target = lookupTarget(options.target, &problem);
  if (!target)
    return fail("--target", problem);
  for (auto [option, asked] : {std::pair("--weights", options.weights), std::pair("--kv", options.kv)})
    if (asked != "auto" && !llvm::is_contained(target->precisions(), asked))
      return fail(option, "'" + asked + "' is not computed by kernels for " + target->name() + " yet, only " +
                              llvm::join(target->precisions(), ", "));
  if (target->npu() && options.weights != "int8")
    return fail("--weights", target->npu()->name() + " computes layers of int8 weights, not of " +
                                 options.weights + "; with others, compile for a target without it");
  return true;
}

} // namespace

int halyard::driver::compileCommand(const CompileOptions &options) {
  if (!checkOptions(options))
    return kUsageError;
  bool prints = !options.stopAfter.empty();
  Phase last = prints ? *parsePhase(options.stopAfter) : Phase::plan; // the writer of artifacts does the rest

  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  llvm::DefaultThreadPool threads(llvm::hardware_concurrency(options.threads));
  context.setThreadPool(threads);
  context
      .loadAllAvailableDialects(); // passes evaluate constants through dialects that the module does not show
  Progress progress;
  DiagnosticPrinter printer(&context, &progress);
  OutputDirectory output;
  CompileAccuracy accuracy(options);
  if (failed(accuracy.readData()) || (!prints && failed(output.create(options.output))))
    return kModelError;

  progress.step("import");
  FailureOr<OwningOpRef<ModuleOp>> module = onnx::importModel(&context, importOptions(options));
  PipelineOptions pipeline = pipelineOptions(options);
  Phase common = std::min(last, Phase::rows); // variants of other precisions differ only after it
  if (failed(module) || failed(runWithProgress(**module, Phase::import, common, pipeline, progress)) ||
      (accuracy.isAsked() && failed(accuracy.run(**module, pipeline, output.temporary(), progress))) ||
      failed(runWithProgress(**module, common, last, pipeline, progress)))
    return kModelError;
  if (prints) {
    progress.done();
    printModule(**module);
    return kDone;
  }
  if (failed(write(**module, options, accuracy, output, progress)))
    return kModelError;
  printMemory(**module, options.target);
  accuracy.print();
  return kDone;
}
