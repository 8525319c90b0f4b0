// The phases as pipelines of passes.
#include "compiler/pipelines/Pipelines.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Runtime/IR/Runtime.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Conversion/Passes.h"
#include "passes/Transforms/Passes.h"
#include "targets/Common/Target.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace halyard {

static constexpr llvm::StringLiteral kPhaseNames[] = {"import",   "simplify", "raise", "stage", "rows",
                                                      "compress", "dispatch", "plan",  "emit"};

ArrayRef<llvm::StringLiteral> phaseNames() { return kPhaseNames; }

std::optional<Phase> parsePhase(StringRef name) {
  const auto *found = llvm::find(kPhaseNames, name);
  if (found == std::end(kPhaseNames))
    return std::nullopt;
  return static_cast<Phase>(found - std::begin(kPhaseNames));
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<affine::AffineDialect, arith::ArithDialect, emitc::EmitCDialect, func::FuncDialect,
                  linalg::LinalgDialect, math::MathDialect, onnx::ONNXDialect, rt::RtDialect, seq::SeqDialect,
                  tensor::TensorDialect>();
}

static void cleanUp(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

/// One form per graph: branches taken, shapes known, constants folded.
static void buildSimplify(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createWidenFloats());
  FloatActivationsOptions activations;
  activations.weights = options.weights;
  manager.addPass(createFloatActivations(activations));
  manager.addPass(createFloatWeights());
  manager.addPass(createBindInterface());
  manager.addPass(createSimplify());
}

/// Names for what the graph means, then everything else to linalg.
static void buildRaise(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createDecomposeFused());
  manager.addPass(createSimplify());
  manager.addNestedPass<func::FuncOp>(createRaiseNorm());
  manager.addNestedPass<func::FuncOp>(createRaiseActivation());
  manager.addNestedPass<func::FuncOp>(createRaiseRotary());
  manager.addNestedPass<func::FuncOp>(createRaisePrefixSum());
  manager.addNestedPass<func::FuncOp>(createRaiseAttention());
  manager.addPass(createSimplify());
  manager.addNestedPass<func::FuncOp>(createTabulatePositions());
  cleanUp(manager);
  manager.addPass(createOnnxToLinalg());
  cleanUp(manager);
}

/// What runs once per source, what once per token, and what is kept between tokens.
static void buildStage(OpPassManager &manager, const PipelineOptions &options) {
  SplitProgramOptions split;
  split.maxRows = options.maxRows;
  split.slots = options.slots;
  manager.addPass(createSplitProgram(split));
  manager.addNestedPass<seq::ProgramOp>(createHoistToSource());
  manager.addNestedPass<seq::ProgramOp>(createDeriveCaches());
  cleanUp(manager);
}

/// Layers as they will be stored, each with its precision.
void buildChoice(OpPassManager &manager, const PipelineOptions &options) {
  manager.addNestedPass<seq::ProgramOp>(createDropUnitAxes());
  cleanUp(manager);
  // With weights of f32 kernels read most windows in place as fast.
  UnfoldConvolutionsOptions windows;
  windows.dense = options.weights != "f32" || !options.except.empty();
  manager.addNestedPass<seq::ProgramOp>(createUnfoldConvolutions(windows));
  cleanUp(manager);
  manager.addNestedPass<seq::ProgramOp>(createMergeLinears());
  ChoosePrecisionOptions precision;
  precision.weights = options.weights;
  precision.except.assign(options.except.begin(), options.except.end());
  manager.addNestedPass<seq::ProgramOp>(createChoosePrecision(precision));
}

/// Weights in the precision and the layout that kernels read.
static void buildCompress(OpPassManager &manager, const PipelineOptions &options) {
  buildChoice(manager, options);
  PackWeightsOptions packing;
  packing.target = options.target;
  packing.deterministic = options.isDeterministic;
  manager.addNestedPass<seq::ProgramOp>(createPackWeights(packing));
  cleanUp(manager);
  PackTablesOptions tables;
  tables.weights = options.weights;
  manager.addNestedPass<seq::ProgramOp>(createPackTables(tables));
  CompressCachesOptions caches;
  caches.kv = options.kv;
  manager.addNestedPass<seq::ProgramOp>(createCompressCaches(caches));
  manager.addNestedPass<seq::ProgramOp>(createLayOutCaches());
  ScreenHeadOptions screening;
  screening.target = options.target;
  screening.when = options.screen;
  manager.addNestedPass<seq::ProgramOp>(createScreenHead(screening));
  SplitSumsOptions sums;
  sums.target = options.target;
  manager.addNestedPass<seq::ProgramOp>(createSplitSums(sums));
  cleanUp(manager);
}

/// Computations as calls of kernels.
static void buildDispatch(OpPassManager &manager, const PipelineOptions &options) {
  manager.addNestedPass<seq::ProgramOp>(createFuseElementwise());
  FormDispatchesOptions dispatches;
  dispatches.deterministic = options.isDeterministic;
  manager.addNestedPass<seq::ProgramOp>(createFormDispatches(dispatches));
  cleanUp(manager);
}

void buildPhase(OpPassManager &manager, Phase phase, const PipelineOptions &options) {
  switch (phase) {
  case Phase::import:
    return;
  case Phase::simplify:
    return buildSimplify(manager, options);
  case Phase::raise:
    return buildRaise(manager);
  case Phase::stage:
    return buildStage(manager, options);
  case Phase::rows:
    manager.addNestedPass<seq::ProgramOp>(createFlattenRows());
    return cleanUp(manager);
  case Phase::compress:
    return buildCompress(manager, options);
  case Phase::dispatch:
    return buildDispatch(manager, options);
  case Phase::plan: {
    SeqToRtOptions conversion;
    const Target *target = lookupTarget(options.target);
    conversion.oneByOne = target && !target->deviceInterface().empty();
    manager.addPass(createSeqToRt(conversion));
    CallNpuOptions npu;
    npu.target = options.target;
    manager.addNestedPass<rt::ProgramOp>(createCallNpu(npu));
    manager.addNestedPass<rt::ProgramOp>(createPlaceWeights());
    manager.addNestedPass<rt::ProgramOp>(createPlanArena());
    return;
  }
  case Phase::emit:
    manager.addPass(createRtToEmitC());
    return;
  }
}

LogicalResult runPhases(ModuleOp module, Phase last, const PipelineOptions &options) {
  PassManager manager(module.getContext());
  for (int phase = 0; phase <= static_cast<int>(last); ++phase)
    buildPhase(manager, static_cast<Phase>(phase), options);
  return manager.run(module);
}

void registerPhases() {
  // The registry keeps references to the names.
  static constexpr std::pair<llvm::StringLiteral, Phase> pipelines[] = {
      {"halyard-simplify", Phase::simplify}, {"halyard-raise", Phase::raise},
      {"halyard-stage", Phase::stage},       {"halyard-rows", Phase::rows},
      {"halyard-compress", Phase::compress}, {"halyard-dispatch", Phase::dispatch},
      {"halyard-plan", Phase::plan},         {"halyard-emit", Phase::emit}};
  for (const auto &[name, phase] : pipelines)
    PassPipelineRegistration<>(name, "The phase of that name", [phase = phase](OpPassManager &manager) {
      buildPhase(manager, phase, PipelineOptions());
    });
}

} // namespace halyard
