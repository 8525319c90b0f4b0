// unfold-convolutions: a convolution becomes a linear layer.
//
// Its rows are the windows of the input, gathered into a tensor that is as many times as large as windows
// overlap: along one axis a few times, in an image up to as many times as a window has elements. What linear
// layers have is then had by convolutions, too: weights of every precision, instructions for codes, matrix
// tiles. A row has the channels of a result side by side; where the convolution had positions side by side,
// results are read transposed, and so elementwise operations after it are turned until the transposition
// meets another one, or windows, which take either.
#include "passes/Transforms/LinearLayer.h"
#include "passes/Transforms/Passes.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_UNFOLDCONVOLUTIONS
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Mark transpositions that this pass made, and windows.
constexpr llvm::StringLiteral kTurned = "halyard.turned", kWindows = "halyard.windows";
/// Terms of a window from which it is worth a row.
constexpr unsigned kFewestTerms = 16;
/// Windows that move by so many elements are not read as fast in place as rows are, be they of f32.
constexpr int64_t kFewestSteps = 3;
/// How many times as large as the input windows may be where in-place reading is the alternative, and how
/// many elements those of an image may have.
constexpr double kMostGrowth = 9;
constexpr int64_t kMostElements = 1 << 23;

bool isElementwise(linalg::GenericOp op) {
  return op.getNumReductionLoops() == 0 && op->getNumResults() == 1 &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
}

Value emptyOf(OpBuilder &builder, Location location, ArrayRef<OpFoldResult> extents) {
  return tensor::EmptyOp::create(builder, location, extents, builder.getF32Type());
}

/// A copy of `source`, read by `map`.
linalg::GenericOp copyOf(OpBuilder &builder, Location location, Value source, AffineMap map,
                         ArrayRef<OpFoldResult> extents) {
  Value empty = emptyOf(builder, location, extents);
  SmallVector<AffineMap> maps{map, builder.getMultiDimIdentityMap(extents.size())};
  SmallVector<utils::IteratorType> loops(extents.size(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, location, empty.getType(), source, empty, maps, loops,
                                   [](OpBuilder &body, Location location, ValueRange arguments) {
                                     linalg::YieldOp::create(body, location, arguments[0]);
                                   });
}

AffineMap transposition(MLIRContext *context) {
  return AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0}, context);
}

linalg::GenericOp transpose(OpBuilder &builder, Location location, Value source,
                            ArrayRef<OpFoldResult> extents) {
  AffineMap turned = transposition(builder.getContext());
  linalg::GenericOp copy = copyOf(builder, location, source, turned, {extents[1], extents[0]});
  copy->setAttr(kTurned, builder.getUnitAttr());
  return copy;
}

linalg::GenericOp turnedBy(Value value) {
  auto copy = value.getDefiningOp<linalg::GenericOp>();
  return copy && copy->hasAttr(kTurned) ? copy : nullptr;
}

/// A convolution: result(o, t..) = sum over terms of input(.. t and terms ..) weight(o and terms), or (t..,
/// o).
struct Convolution {
  linalg::GenericOp op;
  unsigned input, filter;
  SmallVector<unsigned> positions; // in the order of the result's axes
  SmallVector<unsigned> terms;
  ElementsAttr weight;

  static std::optional<Convolution> match(linalg::GenericOp op);

  bool isAlongOneAxis() const { return positions.size() == 1; }
  /// By how many elements of the input windows move from one position to the next, the least along any axis.
  int64_t stride() const;
  /// How many times as large as the input its windows are.
  double growth() const;
  /// Elements of all windows; none if not all extents are known.
  std::optional<int64_t> elements() const;

private:
  AffineMap inputMap() const { return linalg::LinalgOp(op).getIndexingMapsArray()[input]; }
  bool findLoops(AffineMap weightMap, AffineMap inputMap, AffineMap resultMap);
};

/// Finds out which loop is what; whether they are those of a convolution.
bool Convolution::findLoops(AffineMap weightMap, AffineMap inputMap, AffineMap resultMap) {
  if (weightMap.getNumResults() < 2 || resultMap.getNumResults() < 2)
    return false;
  unsigned first = resultMap.getDimPosition(0),
           last = resultMap.getDimPosition(resultMap.getNumResults() - 1);
  filter = weightMap.isFunctionOfDim(first) ? first : last;
  for (unsigned axis = 0; axis < resultMap.getNumResults(); ++axis)
    if (resultMap.getDimPosition(axis) != filter)
      positions.push_back(resultMap.getDimPosition(axis));
  op.getReductionDims(terms);
  return weightMap.getNumResults() == terms.size() + 1 && weightMap.isFunctionOfDim(filter) &&
         !inputMap.isFunctionOfDim(filter) && llvm::all_of(positions, [&](unsigned position) {
           return inputMap.isFunctionOfDim(position) && !weightMap.isFunctionOfDim(position);
         });
}

/// The factor of a dimension in a sum of multiples; 0 in any other expression.
static int64_t factorOf(AffineExpr expr, unsigned dim, unsigned dims) {
  SmallVector<int64_t> factors;
  bool isSum =
      expr.isPureAffine() && succeeded(getFlattenedAffineExpr(expr, dims, /*numSymbols=*/0, &factors));
  return isSum ? factors[dim] : 0;
}

int64_t Convolution::stride() const {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (AffineExpr expr : inputMap().getResults())
    for (unsigned position : positions)
      if (int64_t factor = factorOf(expr, position, inputMap().getNumDims()))
        least = std::min(least, factor);
  return least;
}

double Convolution::growth() const {
  SmallVector<int64_t> ranges = linalg::LinalgOp(op).getStaticLoopRanges();
  double growth = 1;
  for (AffineExpr expr : inputMap().getResults())
    for (unsigned position : positions)
      if (int64_t factor = factorOf(expr, position, inputMap().getNumDims())) {
        growth /= double(factor);
        for (unsigned term : terms)
          growth *= expr.isFunctionOfDim(term) ? double(ranges[term]) : 1;
      }
  return growth;
}

std::optional<int64_t> Convolution::elements() const {
  SmallVector<int64_t> ranges = linalg::LinalgOp(op).getStaticLoopRanges();
  if (llvm::any_of(ranges, ShapedType::isDynamic))
    return std::nullopt;
  int64_t elements = 1;
  for (unsigned loop = 0; loop < ranges.size(); ++loop)
    elements *= loop == filter ? 1 : ranges[loop];
  return elements;
}

std::optional<Convolution> Convolution::match(linalg::GenericOp op) {
  if (op->getNumResults() != 1 || op.getNumDpsInputs() != 2 || op.getNumParallelLoops() < 2 ||
      op.getNumReductionLoops() == 0 || !sumsProducts(op) || LinearLayer::match(op))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!maps[2].isProjectedPermutation() ||
      !llvm::all_of(op->getOperandTypes(), [](Type type) { return getElementTypeOrSelf(type).isF32(); }))
    return std::nullopt;
  for (unsigned side : {0u, 1u}) {
    Convolution result{op, side, 0, {}, {}, {}};
    AffineMap input = maps[side], weight = maps[1 - side];
    if (!weight.isProjectedPermutation() ||
        !matchPattern(op.getDpsInputs()[1 - side], m_Constant(&result.weight)) ||
        !result.findLoops(weight, input, maps[2]))
      continue;
    // Channels last: they lie side by side wherever a convolution before this one wrote them.
    std::stable_partition(result.terms.begin(), result.terms.end(), [&](unsigned term) {
      return !llvm::is_contained(input.getResults(), getAffineDimExpr(term, op.getContext()));
    });
    return result;
  }
  return std::nullopt;
}

class Unfold : public OpRewritePattern<linalg::GenericOp> {
public:
  Unfold(MLIRContext *context, bool dense) : OpRewritePattern(context), dense(dense) {}

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    std::optional<Convolution> convolution = Convolution::match(op);
    if (!convolution || !isWorthIt(*convolution))
      return failure();
    HostTensor matrix = matrixOf(*convolution);
    if (matrix.shape[0] < kFewestTerms)
      return failure();
    Location location = op.getLoc();
    bool isTurned = op.getIndexingMapsArray()[2].getDimPosition(0) == convolution->filter;
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, location, op.getDpsInits()[0]);
    SmallVector<OpFoldResult> positions(isTurned ? ArrayRef(sizes).drop_front()
                                                 : ArrayRef(sizes).drop_back());
    Value windows = windowsOf(*convolution, positions, rewriter);
    OpFoldResult rows = convolution->isAlongOneAxis() ? positions.front()
                                                      : tensor::getMixedSize(rewriter, location, windows, 0);
    SmallVector<OpFoldResult> extents{rows, rewriter.getIndexAttr(matrix.shape[1])};
    Value empty = emptyOf(rewriter, location, extents);
    Value zero = arith::ConstantOp::create(rewriter, location, rewriter.getF32FloatAttr(0));
    Value zeros = linalg::FillOp::create(rewriter, location, zero, empty).getResult(0);
    Value weight = arith::ConstantOp::create(rewriter, location, toAttribute(matrix));
    Value result =
        linalg::MatmulOp::create(rewriter, location, empty.getType(), ValueRange{windows, weight}, zeros)
            .getResult(0);
    if (isTurned)
      result = transpose(rewriter, location, result, extents).getResult(0);
    if (!convolution->isAlongOneAxis())
      result = apart(op, result, isTurned, rewriter);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  bool isWorthIt(const Convolution &convolution) const {
    if (convolution.isAlongOneAxis())
      return dense || (convolution.stride() >= kFewestSteps && convolution.growth() <= kMostGrowth);
    std::optional<int64_t> elements = convolution.elements();
    return elements && *elements <= kMostElements && convolution.growth() <= kMostGrowth;
  }

  /// Rows as the positions that they were, before or after the filters.
  static Value apart(linalg::GenericOp op, Value rows, bool isTurned, PatternRewriter &rewriter) {
    int64_t rank = op.getIndexingMapsArray()[2].getNumResults();
    SmallVector<ReassociationIndices> groups;
    ReassociationIndices positions = llvm::to_vector(llvm::seq<int64_t>(isTurned, rank - !isTurned));
    if (isTurned)
      groups = {{0}, positions};
    else
      groups = {positions, {rank - 1}};
    return tensor::ExpandShapeOp::create(rewriter, op.getLoc(), op->getResult(0).getType(), rows, groups);
  }

  /// The weight as [terms, filters].
  static HostTensor matrixOf(const Convolution &convolution) {
    linalg::GenericOp op = convolution.op;
    AffineMap map = op.getIndexingMapsArray()[1 - convolution.input];
    HostTensor weight = fromAttribute(convolution.weight);
    SmallVector<int64_t> loops, extents, strides(weight.rank(), 1);
    for (int64_t axis = weight.rank() - 1; axis > 0; --axis)
      strides[axis - 1] = strides[axis] * weight.shape[axis];
    auto append = [&](unsigned loop) {
      unsigned axis = *map.getResultPosition(getAffineDimExpr(loop, op.getContext()));
      extents.push_back(weight.shape[axis]);
      loops.push_back(strides[axis]);
    };
    llvm::for_each(convolution.terms, append);
    append(convolution.filter);
    HostTensor matrix =
        HostTensor::allocate({weight.elements() / extents.back(), extents.back()}, weight.elementType);
    ArrayRef<float> from = weight.values<float>();
    for (auto [index, element] : llvm::enumerate(matrix.mutableValues<float>())) {
      int64_t at = 0, left = index;
      for (int64_t axis = static_cast<int64_t>(extents.size()) - 1; axis >= 0; --axis) {
        at += left % extents[axis] * loops[axis];
        left /= extents[axis];
      }
      element = from[at];
    }
    return matrix;
  }

  /// [rows, terms]
  static Value windowsOf(const Convolution &convolution, ArrayRef<OpFoldResult> positions,
                         PatternRewriter &rewriter) {
    linalg::GenericOp op = convolution.op;
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    SmallVector<OpFoldResult> extents(positions);
    SmallVector<AffineExpr> loops(op.getNumLoops(), rewriter.getAffineConstantExpr(0));
    for (auto [index, position] : llvm::enumerate(convolution.positions))
      loops[position] = rewriter.getAffineDimExpr(index);
    for (unsigned term : convolution.terms) {
      loops[term] = rewriter.getAffineDimExpr(extents.size());
      extents.push_back(rewriter.getIndexAttr(ranges[term]));
    }
    AffineMap map =
        op.getIndexingMapsArray()[convolution.input].replaceDimsAndSymbols(loops, {}, extents.size(), 0);
    linalg::GenericOp copy =
        copyOf(rewriter, op.getLoc(), op.getDpsInputs()[convolution.input], map, extents);
    copy->setAttr(kWindows, rewriter.getUnitAttr());
    Value windows = copy.getResult(0);
    if (extents.size() == 2)
      return windows;
    int64_t count = positions.size(), all = extents.size();
    SmallVector<ReassociationIndices> groups{llvm::to_vector(llvm::seq<int64_t>(0, count)),
                                             llvm::to_vector(llvm::seq<int64_t>(count, all))};
    return tensor::CollapseShapeOp::create(rewriter, op.getLoc(), windows, groups);
  }

  bool dense;
};

/// Elementwise operations read what was transposed, and are turned if they then read against the grain.
class TurnElementwise : public OpRewritePattern<linalg::GenericOp> {
public:
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    if (!isElementwise(op) || op->hasAttr(kTurned))
      return failure();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    SmallVector<Value> inputs = op.getDpsInputs();
    bool isTurned = false;
    for (auto [input, map] : llvm::zip(inputs, maps)) {
      linalg::GenericOp copy = turnedBy(input);
      if (!copy)
        continue;
      input = copy.getDpsInputs()[0];
      map = copy.getIndexingMapsArray()[0].compose(map);
      isTurned = true;
    }
    if (!isTurned)
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputsMutable().assign(inputs);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    AffineMap turned = transposition(getContext());
    bool isAgainst = op.getNumLoops() == 2 && maps.back().isIdentity() &&
                     getElementTypeOrSelf(op->getResult(0).getType()).isF32() &&
                     llvm::is_contained(ArrayRef(maps).drop_back(), turned);
    if (isAgainst)
      turn(op, rewriter);
    return success();
  }

private:
  static void turn(linalg::GenericOp op, PatternRewriter &rewriter) {
    Location location = op.getLoc();
    SmallVector<OpFoldResult> extents = tensor::getMixedSizes(rewriter, location, op.getDpsInits()[0]);
    std::swap(extents[0], extents[1]);
    FailureOr<linalg::GenericOp> interchanged = linalg::interchangeGenericOp(rewriter, op, {1, 0});
    assert(succeeded(interchanged) && "loops are parallel");
    Value empty = emptyOf(rewriter, location, extents);
    auto result = linalg::GenericOp::create(rewriter, location, empty.getType(), interchanged->getDpsInputs(),
                                            empty, interchanged->getIndexingMapsArray(),
                                            interchanged->getIteratorTypesArray());
    SmallVector<AffineMap> maps = result.getIndexingMapsArray();
    maps.back() = rewriter.getMultiDimIdentityMap(2);
    result.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    rewriter.inlineRegionBefore(interchanged->getRegion(), result.getRegion(), result.getRegion().begin());
    rewriter.replaceOp(*interchanged, transpose(rewriter, location, result.getResult(0), extents));
  }
};

/// Elements that a body picks, as padding does, are picked from what was transposed.
class TurnExtract : public OpRewritePattern<tensor::ExtractOp> {
public:
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractOp op, PatternRewriter &rewriter) const override {
    SmallVector<Value> indices = op.getIndices();
    Value source = op.getTensor();
    if (auto expand = source.getDefiningOp<tensor::ExpandShapeOp>()) {
      indices = withoutUnits(expand, indices);
      source = expand.getSrc();
    }
    linalg::GenericOp copy = turnedBy(source);
    if (!copy || indices.size() != 2)
      return failure();
    std::swap(indices[0], indices[1]);
    rewriter.replaceOpWithNewOp<tensor::ExtractOp>(op, copy.getDpsInputs()[0], indices);
    return success();
  }

private:
  /// The indices into the source of an expansion that only adds axes of extent one; else none.
  static SmallVector<Value> withoutUnits(tensor::ExpandShapeOp expand, ArrayRef<Value> indices) {
    SmallVector<Value> result;
    ArrayRef<int64_t> shape = expand.getResultType().getShape();
    for (const ReassociationIndices &group : expand.getReassociationIndices()) {
      auto axis = llvm::find_if(group, [&](int64_t at) { return shape[at] != 1; });
      if (llvm::count_if(group, [&](int64_t at) { return shape[at] != 1; }) > 1)
        return {};
      result.push_back(indices[axis == group.end() ? group.front() : *axis]);
    }
    return result;
  }
};

/// Windows of what was only padded for them are read from the input itself.
class FusePadding : public OpRewritePattern<linalg::GenericOp> {
public:
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    auto padding = op->hasAttr(kWindows) ? op.getDpsInputs()[0].getDefiningOp<linalg::GenericOp>() : nullptr;
    if (!padding || !padding->hasOneUse() || padding.getNumDpsInputs() != 0 || !isElementwise(padding))
      return failure();
    OpOperand *operand = op.getDpsInputOperand(0);
    if (!linalg::areElementwiseOpsFusable(operand))
      return failure();
    FailureOr<linalg::ElementwiseOpFusionResult> fused = linalg::fuseElementwiseOps(rewriter, operand);
    if (failed(fused))
      return failure();
    rewriter.replaceOp(op, fused->fusedOp->getResults().back());
    return success();
  }
};

struct UnfoldConvolutions : impl::UnfoldConvolutionsBase<UnfoldConvolutions> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Unfold>(&getContext(), dense);
    patterns.add<TurnElementwise, TurnExtract, FusePadding>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation().walk([](linalg::GenericOp op) {
      op->removeAttr(kTurned);
      op->removeAttr(kWindows);
    });
  }
};

} // namespace
} // namespace halyard
