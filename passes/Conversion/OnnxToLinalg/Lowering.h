// What the families of the lowering share: extents, generics over broadcast operands, constants of shape
// operands, and the table of lowerings by operation.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_LOWERING_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_LOWERING_H

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Conversion/OnnxToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace halyard::lowering {

using Extent = mlir::OpFoldResult;
using Extents = llvm::SmallVector<mlir::OpFoldResult>;
using Ints = llvm::SmallVector<int64_t>;

/// An operand of a generic: a tensor and where the loops read it.
struct Read {
  mlir::Value tensor;
  mlir::AffineMap map;
};

/// Computes one element from the elements read (signless). Returns as many values as the generic has results.
using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(Scalars &, mlir::ValueRange)>;
using Body1 = llvm::function_ref<mlir::Value(Scalars &, mlir::ValueRange)>;

/// Lowers the operations of one function one after the other.
class Lowering {
public:
  /// `shapes` may be null: then only types tell extents.
  Lowering(mlir::Operation *root, const SymbolicShapes *shapes);

  /// Makes `op` the current operation: what is built goes before it, at its location.
  void startOn(mlir::Operation *op);
  /// Replaces results of an operation; a null value leaves a result alone.
  void replace(mlir::Operation *op, mlir::ValueRange values);
  /// Erases what was replaced.
  void finish();

  //===-- what is known
  //--------------------------------------------------------------------------------------------===//

  /// Elements of an integer tensor, if all are known and do not depend on the lengths.
  std::optional<Ints> constantInts(mlir::Value value) const;
  /// The only element of an integer tensor, or none.
  std::optional<int64_t> constantInt(mlir::Value value) const;
  /// Element `i` of a vector of integers, as an index.
  Extent element(mlir::Value vector, int64_t i);
  /// The one value that all elements have, if it is known: FloatAttr or IntegerAttr; else null.
  mlir::Attribute splat(mlir::Value value) const;

  Extent extent(mlir::Value value, int64_t axis);
  Extents extents(mlir::Value value);
  /// Extents of a result of the operation being lowered; `fallback` computes those that neither type nor
  /// lengths tell.
  Extents resultExtents(mlir::Value result, llvm::function_ref<Extent(int64_t)> fallback);
  /// The symbolic shape of a value, lowered or not.
  std::optional<LengthExprs> symbolicShape(mlir::Value value) const;
  std::optional<LengthExprs> symbolicContents(mlir::Value value) const;

  //===-- building
  //-------------------------------------------------------------------------------------------------===//

  mlir::Value index(Extent extent);
  mlir::Value empty(llvm::ArrayRef<Extent> extents, mlir::Type elementType);
  mlir::Value fill(llvm::ArrayRef<Extent> extents, mlir::Type elementType, mlir::Attribute value);
  mlir::Value fill(llvm::ArrayRef<Extent> extents, mlir::Type elementType, double value);
  /// Lowest or highest value of the type everywhere.
  mlir::Value fillExtreme(llvm::ArrayRef<Extent> extents, mlir::Type elementType, bool lowest);

  /// One element per position of `extents`.
  mlir::Value generic(llvm::ArrayRef<Extent> extents, mlir::Type elementType, llvm::ArrayRef<Read> reads,
                      Body1 body);
  /// The same over operands that broadcast to `extents` as ONNX has it (aligned at the last axis).
  mlir::Value elementwise(llvm::ArrayRef<Extent> extents, mlir::Type elementType, mlir::ValueRange operands,
                          Body1 body);
  /// Combines into `inits`, read and written at `map`; loops that `map` does not name reduce. The body gets
  /// the elements read, then those of the inits.
  llvm::SmallVector<mlir::Value> reduce(mlir::ValueRange inits, mlir::AffineMap map,
                                        llvm::ArrayRef<Read> reads, Body body);
  mlir::Value reduce1(mlir::Value init, mlir::AffineMap map, llvm::ArrayRef<Read> reads, Body1 body);

  /// The map by which loops over a tensor of rank `rank` read an operand that broadcasts to it;
  /// `resultExtents` tells where the result has a static extent of 1 as well.
  mlir::AffineMap broadcastMap(mlir::Value operand, llvm::ArrayRef<Extent> resultExtents);
  /// The same elements under other extents; the groups of axes are found, or else the shape is handed over at
  /// run time.
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<Extent> extents);
  /// The same elements in another element type.
  mlir::Value cast(mlir::Value value, mlir::Type elementType);
  /// Axes of extent 1 inserted at `axes` (ascending, of the result).
  mlir::Value unsqueeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  mlir::Value slice(mlir::Value value, llvm::ArrayRef<Extent> offsets, llvm::ArrayRef<Extent> sizes,
                    llvm::ArrayRef<int64_t> strides);

  /// Affine arithmetic on extents; `map` has symbols only.
  Extent apply(mlir::AffineExpr expr, llvm::ArrayRef<Extent> symbols);
  Extent product(llvm::ArrayRef<Extent> factors);
  mlir::AffineMap identity(int64_t rank) { return b.getMultiDimIdentityMap(rank); }
  mlir::AffineExpr dim(int64_t position) { return b.getAffineDimExpr(position); }

  mlir::ImplicitLocOpBuilder b;
  /// What is known of the lengths.
  LengthAlgebra algebra;
  /// A transposition is remembered as what it reads, so that contractions can read through it.
  llvm::DenseMap<mlir::Value, Read> transposed;

  /// Extents of what `operands` broadcast to, which `result` is.
  Extents broadcastExtents(mlir::Value result, mlir::ValueRange operands);
  /// The expression over the lengths that an extent was made from; null if it was not.
  mlir::AffineExpr expressionOf(Extent extent) const;

private:
  mlir::Value length(unsigned symbol);
  Extent ofLengths(mlir::AffineExpr expr);
  mlir::Value originOf(mlir::Value value) const;
  mlir::Value reshapeByGroups(mlir::Value value, llvm::ArrayRef<Extent> extents);

  mlir::Operation *root;
  const SymbolicShapes *shapes;
  mlir::Value lengths[2];
  mlir::Operation *lastLength = nullptr;
  llvm::DenseMap<mlir::AffineExpr, mlir::Value> lengthValues;
  llvm::DenseMap<mlir::Value, mlir::AffineExpr> lengthExprs;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> dims;
  llvm::DenseMap<mlir::Value, mlir::Value> origins;
  llvm::SmallVector<mlir::Operation *> dead;
};

inline bool isStatic(Extent extent, int64_t value) { return mlir::isConstantIntValue(extent, value); }

/// An axis counted from the front.
inline int64_t normalized(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

inline mlir::RankedTensorType rankedType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline int64_t rankOf(mlir::Value value) { return rankedType(value).getRank(); }
/// Element type of a tensor value.
inline mlir::Type elementOf(mlir::Value value) { return rankedType(value).getElementType(); }

/// The last axes enlarged by constants; `fill` is a tensor of rank 0, or null for zeros.
mlir::Value padSpatial(Lowering &l, mlir::Value x, llvm::ArrayRef<int64_t> before,
                       llvm::ArrayRef<int64_t> after, mlir::Value fill);

/// Whether an operation scatters so few updates that its lowering asks every element about them.
bool scattersFew(mlir::Operation *op);

//===-- the table of lowerings
//-------------------------------------------------------------------------------------===//

using Lower = std::function<mlir::LogicalResult(mlir::Operation *, Lowering &)>;
using LoweringTable = llvm::DenseMap<mlir::TypeID, Lower>;

/// Adds the lowering of one operation.
template <typename Op> void addLowering(LoweringTable &table, mlir::LogicalResult (*lower)(Op, Lowering &)) {
  table[mlir::TypeID::get<Op>()] = [lower](mlir::Operation *op, Lowering &lowering) {
    return lower(mlir::cast<Op>(op), lowering);
  };
}

void addElementwiseLowerings(LoweringTable &table);
void addReductionLowerings(LoweringTable &table);
void addShapeLowerings(LoweringTable &table);
void addCreationLowerings(LoweringTable &table);
void addMovementLowerings(LoweringTable &table);
void addSliceLowerings(LoweringTable &table);
void addIndexingLowerings(LoweringTable &table);
void addContractionLowerings(LoweringTable &table);
void addEinsumLowering(LoweringTable &table);
void addConvolutionLowerings(LoweringTable &table);
void addPoolingLowerings(LoweringTable &table);
void addNormalizationLowerings(LoweringTable &table);
void addQuantizationLowerings(LoweringTable &table);

/// Whether an operator is a composition of others (attention, rotary embeddings, the fused ones of
/// com.microsoft).
bool isComposite(mlir::Operation *op);
/// Rewrites compositions, but for what `isKept`, into the operations they are made of, among which may be
/// others. They need to know ranks. Emits an error at an operation whose variant is not supported.
mlir::LogicalResult decomposeOnnx(mlir::Operation *root,
                                  llvm::function_ref<bool(mlir::Operation *)> isKept = {});

} // namespace halyard::lowering

#endif
