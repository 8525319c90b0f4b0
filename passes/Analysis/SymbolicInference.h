// The state of a SymbolicShapes analysis, and what the transfer functions of the operator families share.
//
// Private to the analysis: Symbolic*.cpp each hold one family of operators and register its transfer
// functions.
#ifndef HALYARD_PASSES_ANALYSIS_SYMBOLICINFERENCE_H
#define HALYARD_PASSES_ANALYSIS_SYMBOLICINFERENCE_H

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Analysis/SymbolicShapes.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace halyard {

class SymbolicInference {
public:
  SymbolicInference(mlir::func::FuncOp func);

  /// Follows all operations of the function; fails after an error was emitted.
  mlir::FailureOr<SymbolicShapes> run();

  const LengthAlgebra &algebra() const { return result.lengths; }
  mlir::AffineExpr constant(int64_t value) const { return algebra().constant(value); }
  void assumePositive(mlir::AffineExpr extent) { result.lengths.assumePositive(extent); }

  //===-- what is known of operands
  //--------------------------------------------------------------------------------===//

  std::optional<LengthExprs> shape(mlir::Value value) const { return factsOf(value).shape; }
  std::optional<LengthExprs> contents(mlir::Value value) const { return factsOf(value).contents; }
  /// The value of a tensor of one element; null if not known.
  mlir::AffineExpr scalar(mlir::Value value) const;
  /// All elements of a tensor as constants, if they are.
  std::optional<llvm::SmallVector<int64_t>> constants(mlir::Value value) const;
  /// The number of elements of a vector whose extent is constant.
  std::optional<int64_t> vectorLength(mlir::Value value) const;

  //===-- results
  //--------------------------------------------------------------------------------------------------===//

  /// What the operation's result type says already is kept: constant extents win over null ones.
  void setShape(mlir::Value value, LengthExprs shape);
  /// Ignored when there are more than `maxContents` elements or no element is known.
  void setContents(mlir::Value value, LengthExprs contents);
  /// An error at `op`, unless inside a branch.
  void error(mlir::Operation *op, const llvm::Twine &message);

  /// Contents are followed in tensors of at most this many elements.
  static constexpr size_t maxContents = 64;

  //===-- common rules
  //---------------------------------------------------------------------------------------------===//

  /// NumPy broadcasting of one extent of `op`'s operands.
  mlir::AffineExpr broadcast(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b);
  LengthExprs broadcast(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> a,
                        llvm::ArrayRef<mlir::AffineExpr> b);
  /// Broadcast shape of all operands; none if a rank is not known.
  std::optional<LengthExprs> broadcastOperands(mlir::Operation *op);
  /// Elements of `value` as broadcast to `result` (constant extents, few elements): one expression per
  /// element.
  std::optional<LengthExprs> broadcastContents(mlir::Value value,
                                               llvm::ArrayRef<mlir::AffineExpr> result) const;
  /// Rows out of a window of `kernel` taps along `extent`: (extent + padding - dilation * (kernel - 1) - 1) /
  /// stride + 1.
  mlir::AffineExpr windowed(mlir::AffineExpr extent, int64_t kernel, int64_t stride, int64_t dilation,
                            int64_t padding, bool ceil) const;

private:
  ValueFacts factsOf(mlir::Value value) const;
  void visit(mlir::Operation *op);
  void visitIf(onnx::IfOp op);
  void setArguments();

  mlir::func::FuncOp func;
  SymbolicShapes result;
  int64_t branchDepth = 0;
  bool failed = false;
};

/// Number of elements of a shape whose extents are all constant.
std::optional<int64_t> constantCount(llvm::ArrayRef<mlir::AffineExpr> shape);
/// `axis` counted from the front.
inline int64_t fromFront(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

/// Transfer functions by operation.
class TransferTable {
public:
  using Transfer = std::function<void(mlir::Operation *, SymbolicInference &)>;
  template <typename... Ops> void add(Transfer transfer) {
    (table.try_emplace(mlir::TypeID::get<Ops>(), transfer), ...);
  }
  /// A transfer function that takes the operation by its class.
  template <typename Op> void addTyped(void (*transfer)(Op, SymbolicInference &)) {
    add<Op>([transfer](mlir::Operation *op, SymbolicInference &in) { transfer(mlir::cast<Op>(op), in); });
  }
  const Transfer *find(mlir::Operation *op) const;
  bool contains(mlir::TypeID operation) const { return table.contains(operation); }
  static const TransferTable &get();

private:
  llvm::DenseMap<mlir::TypeID, Transfer> table;
};

void addElementwiseTransfers(TransferTable &table);
void addShapeTransfers(TransferTable &table);
void addMovementTransfers(TransferTable &table);
void addIndexingTransfers(TransferTable &table);
void addReductionTransfers(TransferTable &table);
void addContractionTransfers(TransferTable &table);
void addNeuralTransfers(TransferTable &table);
void addMicrosoftTransfers(TransferTable &table);
void addSeqTransfers(TransferTable &table);

} // namespace halyard

#endif
