// Verifiers, folders and custom syntax of the seq operations.
#include "dialects/Seq/IR/Seq.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace halyard::seq;

#define GET_OP_CLASSES
#include "dialects/Seq/IR/SeqOps.cpp.inc"

LogicalResult ExtentsOp::verify() {
  AffineMap map = getMap();
  auto type = cast<RankedTensorType>(getResult().getType());
  if (map.getNumDims() != 0 || map.getNumSymbols() != 2)
    return emitOpError("takes a map of no dimension and two symbols, source and target, got ")
           << getMapAttr();
  if (!type.getElementType().isIntOrIndex())
    return emitOpError("has integer elements, got ") << type.getElementType();
  if (static_cast<int64_t>(map.getNumResults()) != type.getNumElements())
    return emitOpError("has ") << type.getNumElements() << " elements but its map has "
                               << map.getNumResults();
  return success();
}

OpFoldResult ExtentsOp::fold(FoldAdaptor) {
  auto type = cast<RankedTensorType>(getResult().getType());
  SmallVector<Attribute> elements;
  for (AffineExpr result : getMap().getResults()) {
    auto constant = dyn_cast<AffineConstantExpr>(result);
    if (!constant)
      return {};
    elements.push_back(IntegerAttr::get(type.getElementType(), constant.getValue()));
  }
  return DenseElementsAttr::get(type, elements);
}

namespace {
/// Features of a row operand: the last extent of a tensor, or what a cache holds per row.
int64_t featuresOf(Type type) {
  if (auto cache = dyn_cast<CacheType>(type))
    return cache.getFeatures();
  return cast<RankedTensorType>(type).getShape().back();
}

bool isRows(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return !tensor || (tensor.getRank() == 2 && !tensor.isDynamicDim(1));
}
} // namespace

/// Codes have scales, as many as rows and heads, and nothing else has.
static LogicalResult verifyScales(AttentionOp op) {
  for (auto [rows, scale] : {std::pair<Value, Value>(op.getKey(), op.getKeyScale()),
                             std::pair<Value, Value>(op.getValue(), op.getValueScale())}) {
    auto cache = dyn_cast<CacheType>(rows.getType());
    bool isCoded = cache && cache.getElementType().isInteger(8);
    if (isCoded != static_cast<bool>(scale))
      return op.emitOpError("has scales exactly for caches of codes, got ") << rows.getType();
    auto scales = scale ? cast<CacheType>(scale.getType()) : CacheType();
    if (scales && (!scales.getElementType().isF32() || scales.getLength() != cache.getLength() ||
                   scales.getFeatures() != static_cast<int64_t>(op.getKvHeads())))
      return op.emitOpError("takes an f32 scale for each row and key/value head of ")
             << cache << ", got " << scales;
  }
  return success();
}

/// Heads of a block are those of keys and values; only codes are paired. Blocks are everywhere or nowhere.
static LogicalResult verifyBlocks(AttentionOp op) {
  auto key = dyn_cast<CacheType>(op.getKey().getType());
  bool hasBlocks = key && key.getBlocks();
  for (Value operand :
       {Value(op.getKey()), Value(op.getValue()), Value(op.getKeyScale()), Value(op.getValueScale())}) {
    auto cache = operand ? dyn_cast<CacheType>(operand.getType()) : CacheType();
    BlocksAttr blocks = cache ? cache.getBlocks() : BlocksAttr();
    if (cache && hasBlocks != static_cast<bool>(blocks))
      return op.emitOpError("reads caches of which all or none have blocks, got ") << key << " and " << cache;
    if (cache && cache.getElementType().isInteger(8)) {
      BlockForm form = operand == op.getKey() ? BlockForm::feature_pairs : BlockForm::row_pairs;
      if (blocks && blocks.getForm() != form)
        return op.emitOpError("reads blocks of codes as ") << stringifyBlockForm(form) << ", got " << cache;
    } else if (blocks && blocks.getForm() != BlockForm::rows) {
      return op.emitOpError("reads pairs of codes only, got ") << cache;
    }
    if (blocks && blocks.getHeads() != static_cast<int64_t>(op.getKvHeads()))
      return op.emitOpError("reads blocks of its ") << op.getKvHeads() << " key/value heads, got " << cache;
  }
  return success();
}

LogicalResult AttentionOp::verify() {
  SmallVector<Type> types{getQuery().getType(), getKey().getType(), getValue().getType(),
                          getResult().getType()};
  for (Type type : types)
    if (!isRows(type))
      return emitOpError("takes rows of a static number of features, got ") << type;
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0)
    return emitOpError("needs heads to be a multiple of kv_heads, got ") << heads << " and " << kvHeads;
  int64_t query = featuresOf(getQuery().getType()), key = featuresOf(getKey().getType());
  int64_t value = featuresOf(getValue().getType()), result = featuresOf(getResult().getType());
  if (query % heads || key % kvHeads || query / heads != key / kvHeads)
    return emitOpError("has query heads of ")
           << query << " / " << heads << " features and key heads of " << key << " / " << kvHeads;
  if (value % kvHeads || result != value / kvHeads * heads)
    return emitOpError("yields ") << result << " features for " << heads << " heads over values of " << value
                                  << " / " << kvHeads;
  if (Value bias = getBias()) {
    auto type = cast<RankedTensorType>(bias.getType());
    if (type.getRank() != (getByDistance() ? 2 : 3) ||
        (type.getDimSize(0) != 1 && type.getDimSize(0) != heads))
      return emitOpError("takes a bias of shape [1 or heads, queries, keys], or [1 or heads, distances] by "
                         "distance, got ")
             << type;
  }
  if (bool(getSlot()) != isa<CacheType>(getKey().getType()))
    return emitOpError("reads caches exactly when its rows have slots");
  if (Value mask = getMask(); mask && (featuresOf(mask.getType()) != 1 ||
                                       isa<CacheType>(mask.getType()) != isa<CacheType>(getKey().getType())))
    return emitOpError("takes a mask of one number for each row of its keys, got ") << mask.getType();
  return failed(verifyScales(*this)) ? failure() : verifyBlocks(*this);
}

LogicalResult NormOp::verify() {
  if (getInput().getType() != getResult().getType())
    return emitOpError("keeps the type of its input, got ")
           << getInput().getType() << " and " << getResult().getType();
  if (getKind() == NormKind::rms && getBias())
    return emitOpError("of kind rms has no bias");
  return success();
}

LogicalResult QuantizeOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType()),
       codes = cast<RankedTensorType>(getCodes().getType());
  auto scales = cast<RankedTensorType>(getScales().getType());
  if (input.getRank() != 2 || codes.getRank() != 2 || scales.getRank() != 1 ||
      !input.getElementType().isF32() || !scales.getElementType().isF32())
    return emitOpError("takes rows of f32 to rows of codes and an f32 scale each");
  bool isUnsigned = codes.getElementType().isUnsignedInteger(8);
  if (!isUnsigned && !codes.getElementType().isInteger(8))
    return emitOpError("gives 8-bit codes, got ") << codes.getElementType();
  if (isUnsigned != (getZeroPoint() != 0))
    return emitOpError("gives unsigned codes exactly with a zero point, got ")
           << codes.getElementType() << " and " << getZeroPoint();
  if (codes.isDynamicDim(1) || input.isDynamicDim(1) || codes.getDimSize(1) < input.getDimSize(1))
    return emitOpError("keeps all ") << input.getDimSize(1) << " features, got " << codes.getDimSize(1);
  return success();
}

int64_t SplitOp::termsOfPart(int64_t features) { return 32 * (llvm::divideCeil(features, 32) | 1); }

int64_t SplitOp::width(int64_t features) { return kParts * termsOfPart(features); }

LogicalResult SplitOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType()),
       parts = cast<RankedTensorType>(getParts().getType());
  if (input.getRank() != 2 || parts.getRank() != 2 || !input.getElementType().isF32() ||
      !parts.getElementType().isBF16() || input.isDynamicDim(1))
    return emitOpError("takes rows of f32 to rows of bf16");
  if (parts.getDimSize(1) != width(input.getDimSize(1)))
    return emitOpError("gives rows of ") << width(input.getDimSize(1)) << " for " << input.getDimSize(1)
                                         << " features, got " << parts.getDimSize(1);
  return success();
}

int64_t LinearOp::getTerms() {
  auto weight = cast<RankedTensorType>(getWeight().getType());
  return weight.getDimSize(1) * weight.getDimSize(3) * (getGroup() ? 2 : 1);
}

/// Panels of a packed weight hold all columns, and as many terms as a row of the input.
static LogicalResult verifyPanels(LinearOp op, RankedTensorType input, RankedTensorType weight,
                                  RankedTensorType result) {
  if (input.getRank() != 2 || result.getRank() != 2 || weight.getRank() != 4 || !weight.hasStaticShape() ||
      input.isDynamicDim(1) || result.isDynamicDim(1))
    return op.emitOpError("takes rows and a weight packed as panels x terms / factor x columns x factor");
  int64_t terms = op.getTerms(), width = weight.getDimSize(2);
  if (input.getDimSize(1) != terms)
    return op.emitOpError("multiplies rows of ")
           << input.getDimSize(1) << " with a weight of " << terms << " terms";
  if (weight.getDimSize(0) != (result.getDimSize(1) + width - 1) / width)
    return op.emitOpError("gives ") << result.getDimSize(1) << " columns from " << weight.getDimSize(0)
                                    << " panels of " << width;
  return success();
}

/// Groups are whole, and packed scales are as many as groups and columns of panels.
static LogicalResult verifyGroups(LinearOp op, RankedTensorType input, RankedTensorType weight) {
  int64_t group = *op.getGroup();
  if (!weight.getElementType().isInteger(8) || group <= 0 || group % (2 * weight.getDimSize(3)) ||
      input.getDimSize(1) % group)
    return op.emitOpError("has groups of whole pairs of codes, got ")
           << group << " of " << input.getDimSize(1) << " terms";
  int64_t shape[] = {weight.getDimSize(0), input.getDimSize(1) / group, weight.getDimSize(2)};
  if (op.getScale() && cast<ShapedType>(op.getScale().getType()).getShape() != ArrayRef(shape))
    return op.emitOpError("has scales packed as panels x groups x columns, got ") << op.getScale().getType();
  return success();
}

/// Parts are of the input's rows, which are f32.
static LogicalResult verifyParts(LinearOp op, RankedTensorType input) {
  int64_t shape[] = {input.getDimSize(0), SplitOp::width(input.getDimSize(1))};
  auto parts = cast<RankedTensorType>(op.getParts().getType());
  if (!input.getElementType().isF32() || !parts.getElementType().isBF16() ||
      parts.getShape() != ArrayRef(shape))
    return op.emitOpError("has parts of an input of f32, got ") << parts << " of " << input;
  return success();
}

LogicalResult LinearOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType()),
       weight = cast<RankedTensorType>(getWeight().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (failed(verifyPanels(*this, input, weight, result)))
    return failure();
  bool isCoded = weight.getElementType().isInteger(8);
  if (isCoded && !getScale() && !getInputScale() && !getZeroPoint() && !getGroup()) {
    if (!result.getElementType().isInteger(32))
      return emitOpError("gives sums of codes as i32, got ") << result.getElementType();
    return success();
  }
  if (!result.getElementType().isF32())
    return emitOpError("gives f32, got ") << result.getElementType();
  if (!isCoded && input.getElementType() != weight.getElementType())
    return emitOpError("multiplies ") << input.getElementType() << " with " << weight.getElementType();
  if (isCoded != static_cast<bool>(getScale()) || isCoded != static_cast<bool>(getInputScale()))
    return emitOpError("has scales exactly for codes");
  if ((getZeroPoint() != 0) != static_cast<bool>(getColumnSums()))
    return emitOpError("has column sums exactly with a zero point");
  if (weight.getElementType().isUnsignedInteger() && !getGroup())
    return emitOpError("has unsigned codes of 4 bits only, got ") << weight;
  if (getNarrowPairs() && (!isCoded || getGroup()))
    return emitOpError("has narrow pairs of codes of 8 bits, got ")
           << (getGroup() ? "codes of 4 bits" : "floats");
  if (getTiles() && !weight.getElementType().isBF16())
    return emitOpError("has an order of tiles for bf16, got ") << weight.getElementType();
  if (getParts() && failed(verifyParts(*this, input)))
    return failure();
  return getGroup() ? verifyGroups(*this, input, weight) : success();
}

OpBuilder ProgramOp::declarations() {
  Block &block = getBody().front();
  auto stage = llvm::find_if(block, [](Operation &op) { return !isa<StateOp, CrossOp>(op); });
  return OpBuilder(&block, stage);
}

//===-- syntax of stages: seq.encode(%x: type) -> (types) { ... }
//--------------------------------------------------===//

static ParseResult parseStage(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren, /*allowType=*/true) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  return parser.parseRegion(*result.addRegion(), arguments);
}

static void printStage(OpAsmPrinter &printer, Operation *op) {
  Region &body = op->getRegion(0);
  printer << "(";
  llvm::interleaveComma(body.getArguments(), printer,
                        [&](BlockArgument arg) { printer.printRegionArgument(arg); });
  printer << ")";
  printer.printOptionalAttrDictWithKeyword(op->getAttrs());
  printer << " ";
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

ParseResult EncodeOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseStage(parser, result);
}
void EncodeOp::print(OpAsmPrinter &printer) { printStage(printer, *this); }
ParseResult BindOp::parse(OpAsmParser &parser, OperationState &result) { return parseStage(parser, result); }
void BindOp::print(OpAsmPrinter &printer) { printStage(printer, *this); }
ParseResult StepOp::parse(OpAsmParser &parser, OperationState &result) { return parseStage(parser, result); }
void StepOp::print(OpAsmPrinter &printer) { printStage(printer, *this); }
ParseResult HeadOp::parse(OpAsmParser &parser, OperationState &result) { return parseStage(parser, result); }
void HeadOp::print(OpAsmPrinter &printer) { printStage(printer, *this); }
ParseResult ScreenOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseStage(parser, result);
}
void ScreenOp::print(OpAsmPrinter &printer) { printStage(printer, *this); }
ParseResult RescoreOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseStage(parser, result);
}
void RescoreOp::print(OpAsmPrinter &printer) { printStage(printer, *this); }
