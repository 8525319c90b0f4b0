// seq-to-rt: the stages of a program become the functions of its artifact, over buffers instead of tensors.
//
// encode and bind become one function, because they always run one after the other, of several sources where
// that helps. Values keep the order of their operations; each kernel result gets a buffer of its own, which
// plan-arena places, except that results which are bound to a slot or returned are computed where they are
// wanted. A step that recomputes becomes a loop over its rows. Where the head is a stage of its own, what it
// reads lies in regions of the arena until the next step.
#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Conversion/Passes.h"
#include "passes/Conversion/SourcesToRt.h"
#include "runtime/include/halyard/arena.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_SEQTORT
#include "passes/Conversion/Passes.h.inc"

namespace {

/// Sources are encoded together up to so many positions. Each weight that is read is then multiplied with
/// enough rows for arithmetic to take the time, on every processor; more rows would only leave the nearer
/// caches.
constexpr int64_t kPositionsTogether = 512;

/// Makes the rt.program of one seq.program.
class ProgramToRt {
public:
  /// `sourceRows` is null if sources are to be encoded one by one.
  ProgramToRt(seq::ProgramOp source, const StageExtents &extents, const SourceRows *sourceRows)
      : source(source), extents(extents), sourceRows(sourceRows), builder(source), location(source.getLoc()) {
  }

  LogicalResult run();

private:
  LogicalResult findStages();
  void createProgram();
  void createRegions();
  void createRegion(StringRef name, ArrayRef<int64_t> shape, Type element, std::optional<int64_t> offset = {},
                    IntegerAttr blockRows = {});
  func::FuncOp createFunction(StringRef name, TypeRange arguments, TypeRange results);
  LogicalResult createEncode();
  LogicalResult createEncodeOfOne(func::FuncOp function);
  LogicalResult createStep();
  void mapStepArguments(StageToRt &stage, func::FuncOp function);
  LogicalResult createHeadStage(StringRef name, Operation *stage, bool ofOneRow);
  LogicalResult createRecomputingBody(func::FuncOp step, Value row);
  void createMemoryRows();
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, location, value); }
  Value arena(func::FuncOp function, StringRef region);
  Value host(Value pointer, ArrayRef<int64_t> shape, Type element, ValueRange sizes);

  seq::ProgramOp source;
  const StageExtents &extents;
  const SourceRows *sourceRows;
  OpBuilder builder;
  Location location;
  rt::ProgramOp program;
  seq::EncodeOp encode;
  seq::BindOp bind;
  seq::StepOp step;
  seq::HeadOp head; // the three are all there or none is
  seq::ScreenOp screen;
  seq::RescoreOp rescore;
  bool recompute = false;
};

/// The region that holds what a step yields for its head.
static std::string rowsRegion(size_t at) { return "rows." + std::to_string(at); }

LogicalResult ProgramToRt::findStages() {
  for (Operation &op : source.getBody().front()) {
    if (auto found = dyn_cast<seq::EncodeOp>(op))
      encode = found;
    else if (auto found = dyn_cast<seq::BindOp>(op))
      bind = found;
    else if (auto found = dyn_cast<seq::StepOp>(op))
      step = found;
    else if (auto found = dyn_cast<seq::HeadOp>(op))
      head = found;
    else if (auto found = dyn_cast<seq::ScreenOp>(op))
      screen = found;
    else if (auto found = dyn_cast<seq::RescoreOp>(op))
      rescore = found;
  }
  if (!encode || !bind || !step)
    return source.emitError("needs the stages encode, bind and step to become an artifact");
  if (bool(head) != bool(screen) || bool(head) != bool(rescore))
    return source.emitError("needs all or none of the stages head, screen and rescore");
  unsigned inputs = encode.getBlock().getNumArguments();
  if (inputs < 1 || inputs > 2 || bind.getBlock().getNumArguments() > inputs)
    return encode.emitError("takes ") << inputs << " inputs; an artifact takes a source and its mask";
  recompute = step.getMode() == seq::StepMode::recompute;
  if (step.getBlock().getNumArguments() != (recompute ? 1 : 3))
    return step.emitError("takes ")
           << step.getBlock().getNumArguments()
           << " inputs; expected tokens, slots and positions (tokens only in recompute mode)";
  return success();
}

LogicalResult ProgramToRt::run() {
  if (failed(findStages()))
    return failure();
  createProgram();
  createRegions();
  for (func::FuncOp kernel : llvm::make_early_inc_range(source.getBody().getOps<func::FuncOp>()))
    kernel->moveBefore(&program.getBody().front(), program.getBody().front().end());
  createMemoryRows();
  if (failed(createEncode()) || failed(createStep()))
    return failure();
  if (head &&
      (failed(createHeadStage("head", head, false)) || failed(createHeadStage("screen", screen, false)) ||
       failed(createHeadStage("rescore", rescore, true))))
    return failure();
  source.erase();
  return success();
}

void ProgramToRt::createProgram() {
  auto module = source->getParentOfType<ModuleOp>();
  auto name = module->getAttrOfType<StringAttr>("halyard.name");
  auto inputName = source->getAttrOfType<StringAttr>("source_name");
  auto vocabulary = source->getAttrOfType<IntegerAttr>("source_vocabulary");
  Operation *last = head ? head : step;
  Type logits = last->getRegion(0).front().getTerminator()->getOperand(0).getType();
  Type memory = encode.getBlock().getTerminator()->getOperand(0).getType();
  uint32_t flags = recompute ? HALYARD_KEEPS_TOKENS : 0;
  auto number = [&](int64_t value) { return builder.getI64IntegerAttr(value); };
  program = rt::ProgramOp::create(
      builder, location, name ? name : builder.getStringAttr("model"), source.getMaxSourceAttr(),
      source.getMaxTargetAttr(), source.getMaxRowsAttr(), source.getSlotsAttr(),
      number(cast<RankedTensorType>(logits).getShape().back()),
      number(cast<RankedTensorType>(memory).getShape().back()),
      TypeAttr::get(encode.getBlock().getArgument(0).getType()),
      inputName ? inputName : builder.getStringAttr("source"), vocabulary ? vocabulary : number(0),
      number(halyard_arena_header_bytes(source.getSlots(), source.getMaxTarget(), flags)),
      recompute ? builder.getUnitAttr() : UnitAttr(),
      encode.getBlock().getNumArguments() > 1 ? builder.getUnitAttr() : UnitAttr(), IntegerAttr(),
      IntegerAttr(), IntegerAttr(), IntegerAttr(), IntegerAttr());
  if (rescore) {
    program.setScreenColumns(
        cast<RankedTensorType>(rescore.getBlock().getTerminator()->getOperand(0).getType()).getDimSize(1));
    program.setScreenRows(screen.getMostRows().value_or(source.getMaxRows()));
  }
  if (sourceRows)
    program.setTogether(std::min<int64_t>(kPositionsTogether, source.getMaxSource()));
  if (Attribute cost = source->getAttr("cost"))
    program->setAttr("cost", cost);
  builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
}

void ProgramToRt::createRegion(StringRef name, ArrayRef<int64_t> shape, Type element,
                               std::optional<int64_t> offset, IntegerAttr blockRows) {
  rt::RegionOp::create(builder, location, builder.getStringAttr(name),
                       TypeAttr::get(MemRefType::get(shape, element)),
                       offset ? builder.getI64IntegerAttr(*offset) : IntegerAttr(), blockRows);
}

/// The runtime's header, as arena.h lays it out, then states and cross values with a block of rows per slot.
void ProgramToRt::createRegions() {
  int64_t slots = source.getSlots(), maxTarget = source.getMaxTarget();
  int64_t tokens = sizeof(halyard_arena) + halyard_aligned(slots * sizeof(int32_t));
  createRegion("source_rows", {slots}, builder.getI32Type(), sizeof(halyard_arena));
  if (recompute) {
    createRegion("tokens", {slots, maxTarget}, builder.getI64Type(), tokens);
    createRegion("source_length", {slots}, builder.getI32Type());
  }
  for (Operation &op : source.getBody().front()) {
    auto state = dyn_cast<seq::StateOp>(op);
    auto cross = dyn_cast<seq::CrossOp>(op);
    if (!state && !cross)
      continue;
    auto type = cast<RankedTensorType>(state ? state.getType() : cross.getType());
    SmallVector<int64_t> shape{slots};
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t extent = type.getDimSize(dim);
      if (ShapedType::isDynamic(extent))
        extent = state ? maxTarget
                       : largestValue(extents.cross(cross.getSymName())[dim], source.getMaxSource(), 1);
      shape.push_back(extent);
    }
    createRegion(state ? state.getSymName() : cross.getSymName(), shape, type.getElementType(), {},
                 state ? state.getBlockRowsAttr() : cross.getBlockRowsAttr());
    program.getBody().front().back().setAttr(state ? "state" : "cross", builder.getUnitAttr());
  }
  if (head)
    for (auto [at, type] : llvm::enumerate(step.getBlock().getTerminator()->getOperandTypes())) {
      SmallVector<int64_t> shape(cast<RankedTensorType>(type).getShape());
      shape.front() = source.getMaxRows();
      createRegion(rowsRegion(at), shape, getElementTypeOrSelf(type));
    }
}

func::FuncOp ProgramToRt::createFunction(StringRef name, TypeRange arguments, TypeRange results) {
  builder.setInsertionPointToEnd(&program.getBody().front());
  auto function = func::FuncOp::create(builder, location, name, builder.getFunctionType(arguments, results));
  builder.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

Value ProgramToRt::arena(func::FuncOp function, StringRef region) {
  auto type = cast<rt::RegionOp>(SymbolTable::lookupSymbolIn(program, region)).getType();
  return rt::ArenaOp::create(builder, location, type, function.getArgument(0), region);
}

Value ProgramToRt::host(Value pointer, ArrayRef<int64_t> shape, Type element, ValueRange sizes) {
  return rt::HostOp::create(builder, location, MemRefType::get(shape, element), pointer, sizes);
}

void ProgramToRt::createMemoryRows() {
  func::FuncOp function = createFunction("memory_rows", builder.getIndexType(), builder.getIndexType());
  AffineExpr rows = extents.memoryRows();
  Value result = isa<AffineConstantExpr>(rows)
                     ? constant(cast<AffineConstantExpr>(rows).getValue())
                     : Value(affine::AffineApplyOp::create(builder, location, AffineMap::get(0, 1, rows),
                                                           ValueRange(function.getArgument(0))));
  func::ReturnOp::create(builder, location, result);
}

/// encode(arena, weights, count, sources).
LogicalResult ProgramToRt::createEncode() {
  Type pointer = rt::PointerType::get(builder.getContext()), index = builder.getIndexType();
  func::FuncOp function = createFunction("encode", {pointer, pointer, index, pointer}, {});
  for (unsigned readonly : {1, 3})
    function.setArgAttr(readonly, "rt.readonly", builder.getUnitAttr());
  bool areTogether = program.getTogether().has_value();
  if (failed(areTogether ? SourcesToRt(builder, program, extents, *sourceRows, function).run(encode, bind)
                         : createEncodeOfOne(function)))
    return failure();
  func::ReturnOp::create(builder, location);
  return success();
}

/// The body of an encode that is given a single source.
LogicalResult ProgramToRt::createEncodeOfOne(func::FuncOp function) {
  Type pointer = rt::PointerType::get(builder.getContext()), index = builder.getIndexType();
  Value sources = function.getArgument(3), first = constant(0);
  Value slot = rt::SourceSlotOp::create(builder, location, index, sources, first);
  auto length = rt::SourceLengthOp::create(builder, location, index, sources, first);
  length->setAttr("rt.maximum", source.getMaxSourceAttr());

  StageToRt stage(builder, program, extents, function.getArgument(0), function.getArgument(1));
  stage.setLength(seq::Axis::source, length);
  stage.setSlot(slot);
  BlockArgument input = encode.getBlock().getArgument(0);
  Value data = rt::SourceDataOp::create(builder, location, pointer, sources, first);
  stage.map(input, stage.hostBuffer(data, input));
  Value mask;
  if (program.getMasked()) {
    BlockArgument given = encode.getBlock().getArgument(1);
    mask = stage.allocate(given);
    rt::MaskOp::create(builder, location,
                       rt::SourceMaskOp::create(builder, location, pointer, sources, first), mask);
    stage.map(given, mask);
  }
  if (failed(stage.run(encode.getBlock())))
    return failure();
  Value memory = encode.getBlock().getTerminator()->getOperand(0);
  Value wanted = rt::SourceMemoryOp::create(builder, location, pointer, sources, first);
  rt::CopyOp::create(builder, location, stage.lookup(memory), stage.hostBuffer(wanted, memory));
  rt::StageOp::create(builder, location, "bind");
  for (BlockArgument argument : bind.getBlock().getArguments())
    stage.map(argument, argument.getArgNumber() == 0 ? stage.lookup(memory) : mask);
  if (failed(stage.run(bind.getBlock())))
    return failure();
  Value rows = func::CallOp::create(builder, location, "memory_rows", index, length.getResult()).getResult(0);
  rt::WriteOp::create(builder, location, rows, arena(function, "source_rows"), slot);
  if (recompute)
    rt::WriteOp::create(builder, location, length, arena(function, "source_length"), slot);
  return success();
}

void ProgramToRt::mapStepArguments(StageToRt &stage, func::FuncOp function) {
  Value rows = function.getArgument(2);
  for (auto [at, argument] : llvm::enumerate(step.getBlock().getArguments())) {
    auto type = cast<RankedTensorType>(argument.getType());
    Value given = host(function.getArgument(3 + at), type.getShape(), builder.getI32Type(), rows);
    if (!type.getElementType().isInteger(32)) {
      Value wide = rt::AllocOp::create(builder, location,
                                       MemRefType::get(type.getShape(), type.getElementType()), rows);
      rt::WidenOp::create(builder, location, given, wide);
      given = wide;
    }
    stage.map(argument, given);
  }
}

/// step(arena, weights, rows, token, slot, position, logits); with a head of its own, without the last.
LogicalResult ProgramToRt::createStep() {
  Type pointer = rt::PointerType::get(builder.getContext()), index = builder.getIndexType();
  SmallVector<Type> arguments{pointer, pointer, index, pointer, pointer, pointer};
  if (!head)
    arguments.push_back(pointer);
  func::FuncOp function = createFunction("step", arguments, {});
  Value rows = function.getArgument(2);
  for (unsigned readonly : {1, 3, 4, 5})
    function.setArgAttr(readonly, "rt.readonly", builder.getUnitAttr());
  if (recompute) {
    auto loop = scf::ForOp::create(builder, location, constant(0), rows, constant(1));
    builder.setInsertionPointToStart(loop.getBody());
    if (failed(createRecomputingBody(function, loop.getInductionVar())))
      return failure();
    builder.setInsertionPointAfter(loop);
    func::ReturnOp::create(builder, location);
    return success();
  }
  function.setArgAttr(2, "rt.maximum", source.getMaxRowsAttr());
  StageToRt stage(builder, program, extents, function.getArgument(0), function.getArgument(1));
  stage.setLength(seq::Axis::target, rows);
  mapStepArguments(stage, function);
  for (auto [at, value] : llvm::enumerate(step.getBlock().getTerminator()->getOperands()))
    stage.setOutput(value, head ? arena(function, rowsRegion(at)) : Value(function.getArgument(6)));
  if (failed(stage.run(step.getBlock())))
    return failure();
  func::ReturnOp::create(builder, location);
  return success();
}

/// head or screen(arena, weights, rows, logits); rescore(arena, weights, row, unit, logits).
LogicalResult ProgramToRt::createHeadStage(StringRef name, Operation *stageOp, bool ofOneRow) {
  Type pointer = rt::PointerType::get(builder.getContext()), index = builder.getIndexType();
  SmallVector<Type> arguments{pointer, pointer, index, pointer};
  if (ofOneRow)
    arguments.insert(arguments.begin() + 3, index);
  func::FuncOp function = createFunction(name, arguments, {});
  function.setArgAttr(1, "rt.readonly", builder.getUnitAttr());
  function.setArgAttr(2, "rt.maximum", source.getMaxRowsAttr());
  StageToRt stage(builder, program, extents, function.getArgument(0), function.getArgument(1));
  stage.setLength(seq::Axis::target, function.getArgument(2));
  Block &block = stageOp->getRegion(0).front();
  unsigned number = 2;
  for (BlockArgument argument : block.getArguments()) {
    if (isa<RankedTensorType>(argument.getType()))
      stage.map(argument, stage.viewAs(arena(function, rowsRegion(argument.getArgNumber())), argument));
    else
      stage.map(argument, function.getArgument(number++));
  }
  stage.setOutput(block.getTerminator()->getOperand(0), function.getArguments().back());
  if (failed(stage.run(block)))
    return failure();
  func::ReturnOp::create(builder, location);
  return success();
}

/// Keeps the row's token, computes the text of its slot up to it, and gives the last row of logits.
LogicalResult ProgramToRt::createRecomputingBody(func::FuncOp function, Value row) {
  Value rows = function.getArgument(2);
  auto read = [&](Value buffer, Value at, int64_t maximum) -> Value {
    auto op = rt::ReadOp::create(builder, location, builder.getIndexType(), buffer, at);
    op->setAttr("rt.maximum", builder.getI64IntegerAttr(maximum));
    return op;
  };
  auto rowOf = [&](unsigned argument, int64_t maximum) {
    Value all = host(function.getArgument(argument), {ShapedType::kDynamic}, builder.getI32Type(), rows);
    return read(all, row, maximum);
  };
  Value token = rowOf(3, program.getVocabulary() - 1), slot = rowOf(4, source.getSlots() - 1);
  Value position = rowOf(5, source.getMaxTarget() - 1);
  AffineExpr next = builder.getAffineSymbolExpr(0) + 1;
  Value target = affine::AffineApplyOp::create(builder, location, AffineMap::get(0, 1, next), position);
  Value texts = arena(function, "tokens");
  auto text = MemRefType::get({ShapedType::kDynamic}, builder.getI64Type());
  Value tokens = rt::SlotOp::create(builder, location, text, texts, slot, target);
  rt::WriteOp::create(builder, location, token, tokens, position);

  StageToRt stage(builder, program, extents, function.getArgument(0), function.getArgument(1));
  stage.setLength(seq::Axis::source, read(arena(function, "source_length"), slot, source.getMaxSource()));
  stage.setLength(seq::Axis::target, target);
  stage.setSlot(slot);
  BlockArgument argument = step.getBlock().getArgument(0);
  if (!cast<RankedTensorType>(argument.getType()).getElementType().isInteger(64))
    return step.emitError("takes tokens of type ")
           << argument.getType() << "; recomputing needs 64-bit tokens";
  stage.map(argument, stage.viewAs(tokens, argument));
  if (failed(stage.run(step.getBlock())))
    return failure();
  Value logits = stage.lookup(step.getBlock().getTerminator()->getOperand(0));
  Type element = cast<MemRefType>(logits.getType()).getElementType();
  int64_t vocabulary = program.getVocabulary();
  Value begin = affine::AffineApplyOp::create(
      builder, location, AffineMap::get(0, 1, builder.getAffineSymbolExpr(0) * vocabulary), position);
  auto one = MemRefType::get({vocabulary}, element);
  Value last = rt::ViewOp::create(builder, location, one, logits, begin, ValueRange());
  Value all = host(function.getArgument(6), {ShapedType::kDynamic, vocabulary}, element, rows);
  rt::CopyOp::create(builder, location, last,
                     rt::SlotOp::create(builder, location, one, all, row, ValueRange()));
  return success();
}

struct SeqToRt : impl::SeqToRtBase<SeqToRt> {
  using Base::Base;

  void runOnOperation() override {
    for (seq::ProgramOp program : llvm::make_early_inc_range(getOperation().getOps<seq::ProgramOp>())) {
      FailureOr<StageExtents> extents = StageExtents::compute(program);
      if (failed(extents))
        return signalPassFailure();
      SourceRows rows(program, *extents);
      bool areTogether = !oneByOne && program.getSlots() > 1 && rows.isWorthwhile();
      if (failed(ProgramToRt(program, *extents, areTogether ? &rows : nullptr).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace halyard
