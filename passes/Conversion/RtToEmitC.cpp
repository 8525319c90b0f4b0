// rt-to-emitc: each operation of an rt.program becomes one statement of C++.
//
// The functions are file-local; the artifact's interface wraps them. A buffer is a local descriptor built in
// place, so kernels take references: in the binary interface they are the pointers that a Halide kernel
// expects.
#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Conversion/Passes.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_RTTOEMITC
#include "passes/Conversion/Passes.h.inc"

namespace {

/// Name in C++ of the type of an element in memory.
std::string elementName(Type type) {
  if (type.isF32() || type.isF64())
    return type.isF32() ? "float" : "double";
  if (type.isF16() || type.isBF16())
    return type.isF16() ? "halyard::rt::Half" : "halyard::rt::BFloat";
  if (type.isInteger(1))
    return "bool";
  return (type.isUnsignedInteger() ? "uint" : "int") + std::to_string(type.getIntOrFloatBitWidth()) + "_t";
}

class ProgramToEmitC {
public:
  explicit ProgramToEmitC(rt::ProgramOp program) : program(program), builder(program) {}

  void run() {
    emitc::IncludeOp::create(builder, program.getLoc(), "halyard/generated.h", /*isStandardInclude=*/false);
    for (func::FuncOp function : program.getBody().getOps<func::FuncOp>())
      function.isPrivate() ? declareKernel(function) : convert(function);
    program.erase();
  }

private:
  void declareKernel(func::FuncOp kernel);
  void convert(func::FuncOp function);
  void convert(Operation *op);
  void convertLoop(scf::ForOp loop);
  void convertKernelCall(rt::KernelCallOp call);
  Value convert(AffineExpr expression, ValueRange operands);
  /// `halyard::rt::NAME<element>(operands..., extents...)`, where null operands stand for `literal`.
  void makeBuffer(Operation *op, StringRef name, ArrayRef<Value> operands, ValueRange extents,
                  int64_t literal = 0);
  void act(Operation *op, StringRef name, ValueRange more = {});
  Type opaque(const Twine &name) { return emitc::OpaqueType::get(builder.getContext(), name.str()); }
  Type number() { return builder.getI32Type(); }
  Value literal(int64_t value) {
    return emitc::LiteralOp::create(builder, location, number(), std::to_string(value));
  }
  Type convertType(Type type, bool readonly);

  rt::ProgramOp program;
  OpBuilder builder;
  Location location = program.getLoc();
  IRMapping mapping;
};

Type ProgramToEmitC::convertType(Type type, bool readonly) {
  if (auto buffer = dyn_cast<MemRefType>(type))
    return opaque("halyard::rt::Tensor<" + Twine(buffer.getRank()) + ">");
  if (isa<rt::PointerType>(type))
    return emitc::PointerType::get(opaque(readonly ? "const void" : "void"));
  return number();
}

void ProgramToEmitC::declareKernel(func::FuncOp kernel) {
  SmallVector<Type> arguments;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes()))
    arguments.push_back(type.isIndex() ? number() : opaque("halyard_buffer &"));
  auto declaration = emitc::FuncOp::create(builder, kernel.getLoc(), kernel.getSymName(),
                                           builder.getFunctionType(arguments, number()));
  declaration.setSpecifiersAttr(builder.getStrArrayAttr({"extern \"C\""}));
  declaration.setPrivate();
}

void ProgramToEmitC::convert(func::FuncOp function) {
  OpBuilder::InsertionGuard guard(builder);
  bool isStage = function.getNumResults() == 0; // stages return the status of their kernels
  SmallVector<Type> arguments;
  for (auto [at, type] : llvm::enumerate(function.getArgumentTypes()))
    arguments.push_back(convertType(type, bool(function.getArgAttr(at, "rt.readonly"))));
  auto converted = emitc::FuncOp::create(builder, function.getLoc(), function.getSymName(),
                                         builder.getFunctionType(arguments, number()));
  converted.setSpecifiersAttr(builder.getStrArrayAttr({"static"}));
  Block *body = converted.addEntryBlock();
  mapping.map(function.getArguments(), body->getArguments());
  builder.setInsertionPointToStart(body);
  for (Operation &op : function.getBody().front().without_terminator())
    convert(&op);
  auto terminator = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  Value result = isStage ? literal(0) : mapping.lookup(terminator.getOperand(0));
  emitc::ReturnOp::create(builder, terminator.getLoc(), result);
}

void ProgramToEmitC::convert(Operation *op) {
  location = op->getLoc();
  TypeSwitch<Operation *>(op)
      .Case([&](arith::ConstantIndexOp constant) {
        mapping.map(constant.getResult(), literal(constant.value()));
      })
      .Case([&](affine::AffineApplyOp apply) {
        mapping.map(apply.getResult(), convert(apply.getAffineMap().getResult(0), apply.getMapOperands()));
      })
      .Case([&](rt::WeightOp weight) {
        auto constant = cast<rt::ConstantOp>(SymbolTable::lookupSymbolIn(program, weight.getConstantAttr()));
        makeBuffer(op, "buffer", {weight.getWeights(), Value()}, {}, *constant.getOffset());
      })
      .Case([&](rt::ArenaOp arena) {
        auto region = cast<rt::RegionOp>(SymbolTable::lookupSymbolIn(program, arena.getRegionAttr()));
        makeBuffer(op, "buffer", {arena.getArena(), Value()}, {}, *region.getOffset());
      })
      .Case([&](rt::BufferOp buffer) {
        makeBuffer(op, "buffer", {buffer.getArena(), Value()}, buffer.getExtents(), buffer.getOffset());
      })
      .Case([&](rt::HostOp host) { makeBuffer(op, "tensor", {host.getPointer()}, host.getExtents()); })
      .Case([&](rt::ViewOp view) {
        makeBuffer(op, "view", {view.getSource(), view.getBegin()}, view.getExtents());
      })
      .Case([&](rt::SlotOp slot) {
        makeBuffer(op, "slot", {slot.getCache(), slot.getSlot()}, slot.getExtents());
      })
      .Case([&](rt::SourceSlotOp) { act(op, "sourceSlot"); })
      .Case([&](rt::SourceLengthOp) { act(op, "sourceLength"); })
      .Case([&](rt::SourceBeginOp) { act(op, "sourceBegin"); })
      .Case([&](rt::SourceDataOp) { act(op, "sourceData"); })
      .Case([&](rt::SourceMaskOp) { act(op, "sourceMask"); })
      .Case([&](rt::SourceMemoryOp) { act(op, "sourceMemory"); })
      .Case([&](rt::KernelCallOp call) { convertKernelCall(call); })
      .Case([&](rt::AppendRowsOp append) {
        SmallVector<Value> begin;
        if (append.getBegin())
          begin.push_back(literal(append.getBegin()));
        act(op, "appendRows", begin);
      })
      .Case([&](rt::GatherSlotsOp) { act(op, "gatherSlots"); })
      .Case([&](rt::CopyOp) { act(op, "copy"); })
      .Case([&](rt::WidenOp) { act(op, "widen"); })
      .Case([&](rt::MaskOp) { act(op, "mask"); })
      .Case([&](rt::StageOp stage) {
        std::string text = ("HALYARD_STAGE(" + stage.getName() + ");").str();
        emitc::VerbatimOp::create(builder, location, builder.getStringAttr(text));
      })
      .Case([&](rt::ReadOp) { act(op, "read"); })
      .Case([&](rt::WriteOp) { act(op, "write"); })
      .Case([&](func::CallOp call) {
        auto result = emitc::CallOpaqueOp::create(builder, location, number(), call.getCallee(),
                                                  ValueRange(mapping.lookup(call.getOperand(0))));
        mapping.map(call.getResult(0), result.getResult(0));
      })
      .Case([&](scf::ForOp loop) { convertLoop(loop); });
}

void ProgramToEmitC::convertLoop(scf::ForOp loop) {
  auto converted = emitc::ForOp::create(builder, location, mapping.lookup(loop.getLowerBound()),
                                        mapping.lookup(loop.getUpperBound()), mapping.lookup(loop.getStep()));
  mapping.map(loop.getInductionVar(), converted.getInductionVar());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(converted.getBody()->getTerminator());
  for (Operation &op : loop.getBody()->without_terminator())
    convert(&op);
}

void ProgramToEmitC::convertKernelCall(rt::KernelCallOp call) {
  SmallVector<Value> operands;
  SmallVector<StringRef> places;
  for (Value argument : call.getArguments()) {
    operands.push_back(mapping.lookup(argument));
    places.push_back("{}");
  }
  std::string text = ("if (int32_t status = HALYARD_KERNEL(" + call.getKernel() + ")(").str() +
                     llvm::join(places, ", ") + ")) return status;";
  emitc::VerbatimOp::create(builder, location, builder.getStringAttr(text), operands);
}

Value ProgramToEmitC::convert(AffineExpr expression, ValueRange operands) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return literal(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return mapping.lookup(operands[symbol.getPosition()]);
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return mapping.lookup(operands[dim.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Value lhs = convert(binary.getLHS(), operands), rhs = convert(binary.getRHS(), operands);
  auto call = [&](StringRef name) {
    return emitc::CallOpaqueOp::create(builder, location, number(), ("halyard::rt::" + name).str(),
                                       ValueRange{lhs, rhs})
        .getResult(0);
  };
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return emitc::AddOp::create(builder, location, number(), lhs, rhs);
  case AffineExprKind::Mul:
    return emitc::MulOp::create(builder, location, number(), lhs, rhs);
  case AffineExprKind::FloorDiv:
    return call("floorDiv");
  case AffineExprKind::CeilDiv:
    return call("ceilDiv");
  default:
    return call("floorMod");
  }
}

void ProgramToEmitC::makeBuffer(Operation *op, StringRef name, ArrayRef<Value> given, ValueRange extents,
                                int64_t literal) {
  SmallVector<Attribute> arguments;
  SmallVector<Value> operands;
  auto add = [&](Value value, int64_t constant) {
    if (!value) {
      arguments.push_back(builder.getI64IntegerAttr(constant));
      return;
    }
    arguments.push_back(builder.getIndexAttr(operands.size()));
    operands.push_back(mapping.lookup(value));
  };
  for (Value value : given)
    add(value, literal);
  auto type = cast<MemRefType>(op->getResult(0).getType());
  auto open = extents.begin();
  for (int64_t extent : type.getShape())
    ShapedType::isDynamic(extent) ? add(*open++, 0) : add(Value(), extent);
  Attribute element = emitc::OpaqueAttr::get(builder.getContext(), elementName(type.getElementType()));
  auto call =
      emitc::CallOpaqueOp::create(builder, location, convertType(type, false), ("halyard::rt::" + name).str(),
                                  operands, builder.getArrayAttr(arguments), builder.getArrayAttr(element));
  mapping.map(op->getResult(0), call.getResult(0));
}

void ProgramToEmitC::act(Operation *op, StringRef name, ValueRange more) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(mapping.lookup(operand));
  llvm::append_range(operands, more);
  SmallVector<Type> results;
  for (Type type : op->getResultTypes())
    results.push_back(convertType(type, !isa<rt::SourceMemoryOp>(op)));
  auto call =
      emitc::CallOpaqueOp::create(builder, location, results, ("halyard::rt::" + name).str(), operands);
  mapping.map(op->getResults(), call.getResults());
}

struct RtToEmitC : impl::RtToEmitCBase<RtToEmitC> {
  void runOnOperation() override {
    for (rt::ProgramOp program : llvm::make_early_inc_range(getOperation().getOps<rt::ProgramOp>())) {
      if (!program.getArenaBytes() || !program.getWeightsBytes()) {
        program.emitError(
            "has buffers or weights that are not placed: plan-arena and place-weights come first");
        return signalPassFailure();
      }
      ProgramToEmitC(program).run();
    }
  }
};

} // namespace
} // namespace halyard
