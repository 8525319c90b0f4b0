// Which values an operation's kernel takes, and the signature under which kernels are shared.
#include "targets/Common/JitKernel.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "targets/Common/LinalgToHalide/InitUse.h"

using namespace mlir;
using namespace halyard;

bool halyard::isKernelOp(Operation *op) {
  return isa<linalg::LinalgOp, seq::AttentionOp, seq::NormOp, seq::RotaryOp, seq::PrefixSumOp>(op) &&
         !llvm::any_of(op->getOperandTypes(), llvm::IsaPred<seq::CacheType>);
}

namespace {
class Binder {
public:
  explicit Binder(Operation *op) : op(op), stream(binding.signature) {}

  KernelBinding run() {
    stream << op->getName() << op->getPropertiesAsAttribute();
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
      bindLinalg(linalgOp);
    else
      for (OpOperand &operand : op->getOpOperands())
        print(operand.get());
    for (Type type : op->getResultTypes())
      printType(type);
    return std::move(binding);
  }

private:
  void bindLinalg(linalg::LinalgOp linalgOp) {
    for (AffineMap map : linalgOp.getIndexingMapsArray())
      stream << map;
    for (utils::IteratorType iterator : linalgOp.getIteratorTypesArray())
      stream << (iterator == utils::IteratorType::reduction ? 'r' : 'p');
    for (OpOperand &operand : op->getOpOperands()) {
      if (linalgOp.isDpsInit(&operand) && !kernels::readsInit(linalgOp, &operand))
        printType(operand.get().getType());
      else
        print(operand.get());
    }
    for (BlockArgument argument : linalgOp.getBlock()->getArguments())
      number(argument);
    for (Operation &inner : *linalgOp.getBlock())
      bindBodyOp(inner);
  }

  void bindBodyOp(Operation &inner) {
    stream << ";" << inner.getName() << inner.getPropertiesAsAttribute();
    for (Value operand : inner.getOperands())
      print(operand);
    for (Value result : inner.getResults()) {
      printType(result.getType());
      number(result);
    }
  }

  void number(Value value) { numbers.try_emplace(value, numbers.size()); }

  /// A value by its number. One that is seen for the first time comes from outside: it is bound, or printed
  /// if it is a scalar constant.
  void print(Value value) {
    if (auto it = numbers.find(value); it != numbers.end()) {
      stream << " %" << it->second;
      return;
    }
    Attribute constant;
    bool isTensor = isa<ShapedType>(value.getType());
    if (!isTensor && matchPattern(value, m_Constant(&constant))) {
      stream << " " << constant;
      return;
    }
    number(value);
    (isTensor ? binding.tensors : binding.scalars).push_back(value);
    stream << (isTensor ? " t%" : " s%") << numbers[value];
    printType(value.getType());
  }

  void printType(Type type) {
    stream << ":";
    if (auto shaped = dyn_cast<ShapedType>(type))
      stream << shaped.getRank() << "x" << shaped.getElementType();
    else
      stream << type;
  }

  Operation *op;
  KernelBinding binding;
  llvm::raw_string_ostream stream;
  DenseMap<Value, unsigned> numbers;
};
} // namespace

KernelBinding halyard::bindKernel(Operation *op) { return Binder(op).run(); }
