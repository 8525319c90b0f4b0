// The algorithm of linear layers. How a group of terms is multiplied depends on what the processor has:
//
//   f32                       one term a time
//   f32 with parts, tiles     parts of bf16, by the processor's matrix tiles
//   bf16 and codes, tiles     by the processor's matrix tiles, where there are rows for them
//   bf16, dot instruction     pairs, summed by the instruction
//   bf16 otherwise            both halves of a 32-bit word widened by shifting; a row's once for all columns
//   f16                       a group of terms is widened; by tensor cores, where there are rows for them
//   i8, dot instruction       four codes, unsigned times signed; or more, signed, for one column
//   i8, narrow pairs          unsigned times signed bytes: two products add up in 16 bits, and these in pairs
//   i8, dots of words         the same for bytes of any size, by an instruction that Halide does not know
//   i8 otherwise              two times two codes, widened to 16 bits: exact, where multiplying bytes into 16
//                             bits would saturate; a row's once for all columns, if pairs have an instruction
//   i4                        codes are unpacked as 16 times their value, which needs no sign extension, and
//                             multiplied like i8; or, if pairs have an instruction and bytes have none, as
//                             unsigned bytes, whose products are small enough to be added up in 16 bits
//
// Floats are summed in blocks: rounding errors grow with the terms of a block and with the number of blocks,
// not with all terms. Codes are too, although integers are exact, as what fetches the next panel does so once
// a block.
#include "targets/Common/Algorithms/Linear.h"

#include "targets/Common/Algorithms/TensorTile.h"
#include "targets/Common/Schedules/PairProducts.h"
#include "targets/Common/Target.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

/// Most and fewest terms of a block of floats. Products of bf16 have long latencies: blocks, which do not
/// wait for each other, are shorter.
static constexpr int64_t kTermsPerBlock = 64, kTermsPerBfloatBlock = 32, kFewestTermsPerBlock = 16;
/// Most groups of codes of a block.
static constexpr int64_t kGroupsPerCodedBlock = 32;
/// Most elements of a row that are widened before they are multiplied: they lie on the stack.
static constexpr int64_t kMostWideElements = 16384;

namespace {
class LinearTranslation {
public:
  LinearTranslation(seq::LinearOp op, ArrayRef<TensorView> operands, const CpuShape &shape,
                    const std::string &name)
      : op(op), input(operands[0]), weight(operands[1]), operands(operands), shape(shape), name(name) {}

  Stage run();

private:
  void definePartial();
  void defineWithInstruction();
  void defineHalves();
  bool widensRows() const;
  Expr wideInputAt(const Expr &group, const Expr &term, Halide::Type type);
  void defineWidened();
  void defineWidenedGroups();
  void defineNarrowPairs();
  void defineNibbles();
  bool multipliesNibbles() const;
  void defineNibbleBytes();
  Expr wordAt(llvm::function_ref<Expr(Expr)> byteAt) const;
  Expr scaledPartial(Expr blockIndex);
  void defineTotal();
  int groupsOfTile();
  void defineMatrixTiles(int rows);
  void defineTensorCores();
  /// Whether both operands are read where they are in memory.
  bool isInPlace() {
    return isa<BlockArgument>(op.getParts() ? op.getParts() : op.getInput()) &&
           isa<BlockArgument>(op.getWeight());
  }
  Expr value(Expr column, Expr row);
  Expr weightAt(Expr group, Expr term) const;
  Expr inputAt(Expr group, Expr term) const;
  int64_t groupsPerBlock() const;
  Expr zero() const { return isCoded() ? Halide::cast<int32_t>(0) : Halide::cast<float>(0); }
  /// True if the weight has 4-bit codes, with a scale per group of terms, which then is a block.
  bool isGrouped() const { return groupTerms != 0; }
  bool isCoded() const { return weight.elementType.isInteger(8); }
  bool hasUnsignedNibbles() const { return weight.elementType.isUnsignedInteger(8); }
  std::vector<Expr> partialAt(Expr half, Expr blockIndex) const;

  seq::LinearOp op;
  const TensorView &input, &weight;
  ArrayRef<TensorView> operands;
  const CpuShape &shape;
  std::string name;
  LinearSum sum;
  /// V, and the number of groups of V terms, in all and in a block.
  int64_t terms = 1, groups = 1, perBlock = 1;
  /// Terms with a common scale; 0 if all have the column's.
  int64_t groupTerms = 0;
  /// Bytes are multiplied whose products add up in 16 bits.
  bool multipliesNarrowPairs = false;
  Halide::Var blockVar{"block"};
};
} // namespace

/// Integers are exact, so blocks are there only to give a place, now and then, to what fetches the next
/// panel.
static int64_t blockOfCodes(int64_t groups) {
  for (int64_t count = kGroupsPerCodedBlock; 2 * count > kGroupsPerCodedBlock; --count)
    if (groups % count == 0)
      return count;
  return groups;
}

/// The largest divisor that makes a block of at most the wanted number of terms, or all.
int64_t LinearTranslation::groupsPerBlock() const {
  if (isGrouped())
    return groupTerms / (2 * terms);
  if (isCoded() && widensRows())
    return groups;
  if (isCoded())
    return blockOfCodes(groups);
  int64_t most = weight.elementType.isBF16() ? kTermsPerBfloatBlock : kTermsPerBlock;
  for (int64_t count = std::min(groups, most / terms); count * terms >= kFewestTermsPerBlock; --count)
    if (groups % count == 0)
      return count;
  return groups;
}

/// The element of the weight at the current lane and vector. Which panel a vector belongs to is a matter of
/// addresses outside all loops over terms.
Expr LinearTranslation::weightAt(Expr group, Expr term) const {
  int vectors = sum.panel / sum.lanes;
  Expr within = sum.lane + (sum.vector % vectors) * sum.lanes;
  return weight.at({sum.vector / vectors, group, within, term});
}

Expr LinearTranslation::inputAt(Expr group, Expr term) const {
  return input.at({sum.row, term + static_cast<int32_t>(terms) * group});
}

std::vector<Expr> LinearTranslation::partialAt(Expr half, Expr blockIndex) const {
  std::vector<Expr> indices{sum.lane, sum.vector, sum.row, std::move(blockIndex)};
  if (sum.half)
    indices.insert(indices.begin(), std::move(half));
  return indices;
}

/// Groups that one instruction multiplies and sums; single terms likewise.
void LinearTranslation::defineWithInstruction() {
  Halide::Type type = zero().type();
  auto partial = sum.partial(partialAt(Expr(), blockVar));
  partial = zero();
  if (terms == 1) {
    Halide::RDom domain(0, static_cast<int32_t>(perBlock), name + "_terms");
    sum.group = domain.x;
    Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.x;
    partial += Halide::cast(type, weightAt(at, 0)) * Halide::cast(type, inputAt(at, 0));
    return;
  }
  Halide::RDom domain(0, static_cast<int32_t>(terms), 0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.term = domain.x;
  sum.group = domain.y;
  Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.y;
  partial += Halide::cast(type, weightAt(at, domain.x)) * Halide::cast(type, inputAt(at, domain.x));
}

/// True if the elements of a row are widened once for all columns of a panel: codes that are multiplied as
/// pairs of 16 bits, and bf16 that is multiplied as f32, if one number in memory can be read for all lanes.
bool LinearTranslation::widensRows() const {
  bool hasPairs = isCoded() && !isGrouped() && terms == 4 && !shape.multipliesBytes &&
                  shape.multipliesWords && !multipliesNarrowPairs;
  bool hasBfloats = weight.elementType.isBF16() && terms == 2 && !shape.multipliesBfloats &&
                    shape.registers >= 16 && !shape.loadsApart && !shape.isGpu;
  return (hasPairs || hasBfloats) && groups * terms <= kMostWideElements;
}

/// Element `term` of a group of a row.
Expr LinearTranslation::wideInputAt(const Expr &group, const Expr &term, Halide::Type type) {
  if (!widensRows())
    return inputAt(group, term);
  Halide::Var feature("feature");
  sum.wideRows = Halide::Func(name + "_wide_rows");
  (*sum.wideRows)(feature, sum.row) = Halide::cast(type, input.at({sum.row, feature}));
  return (*sum.wideRows)(term + static_cast<int32_t>(terms) * group, sum.row);
}

/// Bytes without an instruction for four of them: the terms 2h and 2h + 1 of a group are products of 16 bits
/// that are added in pairs, and both halves are kept until the end.
void LinearTranslation::defineHalves() {
  sum.half = Halide::Var("half");
  sum.areHalvesLanes = true;
  Halide::RDom domain(0, 2, 0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.term = domain.x;
  sum.group = domain.y;
  auto partial = sum.partial(partialAt(*sum.half, blockVar));
  partial = zero();
  Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.y, term = domain.x + 2 * *sum.half;
  Expr code = wideInputAt(at, term, Halide::Int(16));
  partial += Halide::cast<int32_t>(weightAt(at, term)) * Halide::cast<int32_t>(code);
}

/// The bits of a bf16 that was converted to float.
static Expr bitsOf(const Expr &converted) {
  return Halide::reinterpret<uint16_t>(converted.as<Halide::Internal::Cast>()->value);
}

/// bf16 is the upper half of an f32. Two neighbours are loaded as one word, and each is a shift or a mask
/// away from an f32. They have sums of their own: a chain of two additions per loop could be reordered,
/// differently in different tiles.
void LinearTranslation::defineWidened() {
  sum.half = Halide::Var("half");
  Halide::RDom domain(0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.group = domain.x;
  Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.x;
  auto partial = sum.partial(partialAt(*sum.half, blockVar));
  partial = zero();
  Expr word = Halide::concat_bits({bitsOf(weightAt(at, 0)), bitsOf(weightAt(at, 1))});
  Expr upper = word & Halide::Internal::make_const(Halide::UInt(32), 0xffff0000);
  Expr element = Halide::reinterpret<float>(Halide::select(*sum.half == 0, word << 16, upper));
  partial += element * wideInputAt(at, *sum.half, Halide::Float(32));
}

/// What is widened stands apart, so that it can be loaded by vectors and multiplied term by term.
void LinearTranslation::defineWidenedGroups() {
  Halide::Var term("term"), at("at");
  sum.wideWeight = Halide::Func(name + "_wide_weight");
  sum.wideInput = Halide::Func(name + "_wide_input");
  (*sum.wideWeight)(term, sum.lane, sum.vector, at) = weightAt(at, term);
  (*sum.wideInput)(term, sum.row, at) = inputAt(at, term);
  Halide::RDom domain(0, static_cast<int32_t>(terms), 0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.term = domain.x;
  sum.group = domain.y;
  auto partial = sum.partial(partialAt(Expr(), blockVar));
  partial = zero();
  Expr group = blockVar * static_cast<int32_t>(perBlock) + domain.y;
  partial +=
      (*sum.wideWeight)(domain.x, sum.lane, sum.vector, group) * (*sum.wideInput)(domain.x, sum.row, group);
}

/// A byte holds a term of one group and of the next. Both are brought to the upper half of a byte.
void LinearTranslation::defineNibbles() {
  Halide::Var term("term"), nibble("nibble"), pair("pair");
  sum.codes = Halide::Func(name + "_codes");
  Expr byte = weightAt(pair, term);
  if (hasUnsignedNibbles())
    byte = Halide::reinterpret<int8_t>(byte ^ Halide::cast<uint8_t>(LinearLayout::kNibbleSigns));
  Expr upper = byte & Halide::cast<int8_t>(-16);
  (*sum.codes)(term, sum.lane, nibble, sum.vector, pair) = Halide::select(nibble == 0, byte << 4, upper);

  // Deterministic kernels have codes without a zero point, which not every such instruction takes.
  bool pairs = terms == 4 && (!shape.multipliesBytes || shape.isDeterministic);
  if (pairs) {
    sum.half = Halide::Var("half");
    sum.areHalvesLanes = true;
  }
  int32_t summed = pairs ? 2 : terms;
  Halide::RDom domain(0, summed, 0, 2, 0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.term = domain.x;
  sum.nibble = domain.y;
  sum.group = domain.z;
  auto partial = sum.partial(partialAt(pairs ? Expr(*sum.half) : Expr(), blockVar));
  partial = zero();
  Expr within = pairs ? domain.x + 2 * *sum.half : Expr(domain.x);
  Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.z;
  Expr code = (*sum.codes)(within, sum.lane, domain.y, sum.vector, at);
  partial += Halide::cast<int32_t>(code) * Halide::cast<int32_t>(inputAt(2 * at + domain.y, within));
}

/// Four bytes as one word.
Expr LinearTranslation::wordAt(llvm::function_ref<Expr(Expr)> byteAt) const {
  std::vector<Expr> bytes;
  for (int term = 0; term < 4; ++term)
    bytes.push_back(Halide::reinterpret<uint8_t>(byteAt(term)));
  return Halide::concat_bits(bytes);
}

void LinearTranslation::defineNarrowPairs() {
  sum.addsInSteps = !shape.addsByteProducts;
  Halide::RDom domain(0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.group = domain.x;
  Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.x;
  Expr row = wordAt([&](Expr term) { return inputAt(at, term); });
  Expr codes = wordAt([&](Expr term) { return weightAt(at, term); });
  auto word = [](const Expr &unsignedWord) { return Halide::reinterpret<int32_t>(unsignedWord); };
  auto partial = sum.partial(partialAt(Expr(), blockVar));
  partial = 0;
  partial = addByteDotProduct(sum.partial(partialAt(Expr(), blockVar)), word(row), word(codes));
}

/// True if unsigned codes of 4 bits are multiplied with signed bytes. A sum of 16 bits has half of the terms
/// of a group.
bool LinearTranslation::multipliesNibbles() const {
  constexpr int kLargestProduct = 15 * 128, kLargestSum = 32767;
  return isGrouped() && terms == 4 && !shape.multipliesBytes && shape.multipliesWords &&
         (shape.addsByteProducts || groupTerms / 2 * kLargestProduct <= kLargestSum);
}

/// Codes are unsigned, 8 more than what they stand for: with their sign bits turned, if that is not how they
/// are stored. The excess is 8 times the sum of the row's codes of that group.
void LinearTranslation::defineNibbleBytes() {
  const auto bits = [](uint32_t value) { return Halide::Internal::make_const(Halide::UInt(32), value); };
  const int32_t ofGroup = groupTerms;
  Halide::RDom all(0, ofGroup, name + "_codes");
  sum.excess = Halide::Func(name + "_excess");
  // Of what is added only the code differs, or it is not seen that additions may be done in any order.
  Expr code = Halide::cast<int32_t>(input.at({sum.row, blockVar * ofGroup + all}));
  (*sum.excess)(blockVar, sum.row) = -8 * ofGroup * static_cast<int32_t>(op.getZeroPoint());
  (*sum.excess)(blockVar, sum.row) += 8 * code;

  Halide::RDom domain(0, 2, 0, static_cast<int32_t>(perBlock), name + "_terms");
  sum.nibble = domain.x;
  sum.group = domain.y;
  Expr at = blockVar * static_cast<int32_t>(perBlock) + domain.y;
  Expr codes = wordAt([&](Expr term) { return weightAt(at, term); });
  if (!hasUnsignedNibbles())
    codes = codes ^ bits(LinearLayout::kNibbleSigns * 0x01010101u);
  codes = (codes >> (4 * Halide::cast<uint32_t>(domain.x))) & bits(0x0f0f0f0f);
  auto rowAt = [&](const Expr &group) { return wordAt([&](Expr term) { return inputAt(group, term); }); };
  Expr row = rowAt(2 * at + domain.x);
  if (op.getZeroPoint()) {
    Halide::Var group("group");
    sum.signedRows = Halide::Func(name + "_signed_rows");
    (*sum.signedRows)(group, sum.row) = rowAt(group) ^ bits(0x80808080);
    row = (*sum.signedRows)(2 * at + domain.x, sum.row);
  }
  auto partial = sum.partial(partialAt(Expr(), blockVar));
  partial = 0;
  auto add = shape.addsByteProducts ? addByteDotProduct : addByteProducts;
  partial = add(sum.partial(partialAt(Expr(), blockVar)), Halide::reinterpret<int32_t>(codes),
                Halide::reinterpret<int32_t>(row));
}

void LinearTranslation::definePartial() {
  if (multipliesNibbles())
    defineNibbleBytes();
  else if (isGrouped())
    defineNibbles();
  else if (multipliesNarrowPairs)
    defineNarrowPairs();
  else if (isCoded() && terms == 4 && !shape.multipliesBytes)
    defineHalves();
  else if (weight.elementType.isBF16() && terms == 2 && !shape.multipliesBfloats)
    defineWidened();
  else if (weight.elementType.isF16() && terms > 1)
    defineWidenedGroups();
  else
    defineWithInstruction();
}

/// A group's sum times its scale.
Expr LinearTranslation::scaledPartial(Expr blockIndex) {
  int vectors = sum.panel / sum.lanes;
  Expr column = sum.lane + (sum.vector % vectors) * sum.lanes;
  Expr total = sum.half ? sum.partial(partialAt(0, blockIndex)) + sum.partial(partialAt(1, blockIndex))
                        : Expr(sum.partial(partialAt(Expr(), blockIndex)));
  if (sum.excess && !shape.addsByteProducts)
    total = pairProducts(total, pairOfWords(1, 1));
  if (sum.excess)
    total -= (*sum.excess)(blockIndex, sum.row);
  Expr scale = operands[2].at({sum.vector / vectors, blockIndex, column});
  return Halide::cast<float>(total) * scale;
}

void LinearTranslation::defineTotal() {
  std::vector<Expr> at{sum.lane, sum.vector, sum.row};
  if (isGrouped()) {
    Halide::RDom blocks(0, static_cast<int32_t>(groups / perBlock), name + "_blocks");
    sum.block = blocks.x;
    sum.total(at) = 0.0f;
    sum.total(at) += scaledPartial(blocks.x);
    return;
  }
  // Strict: which of these are added first must not depend on the tile either.
  auto partial = [&](Expr blockIndex) -> Expr {
    if (sum.half)
      return sum.partial(partialAt(0, blockIndex)) + sum.partial(partialAt(1, blockIndex));
    return sum.partial(partialAt(Expr(), blockIndex));
  };
  if (groups == perBlock) {
    sum.total(at) = Halide::strict_float(partial(0));
    return;
  }
  Halide::RDom blocks(0, static_cast<int32_t>(groups / perBlock), name + "_blocks");
  sum.block = blocks.x;
  sum.total(at) = zero();
  sum.total(at) = Halide::strict_float(sum.total(at) + partial(blocks.x));
}

/// How many groups of terms a tile of the processor's can hold, if it is filled equally each time; 0 if there
/// are no tiles, or none for such a layer: for whole panels of bytes, bf16 or floats with parts, read where
/// they are.
int LinearTranslation::groupsOfTile() {
  constexpr int kMost = 16, kFewest = 8, kColumns = 32;
  if (op.getParts() && shape.hasMatrixTiles && isInPlace() && sum.panel % kColumns == 0)
    return kMost;
  bool hasBytes = isCoded() && !isGrouped() && terms == 4 && op.getZeroPoint() != 0;
  bool hasBfloats = op.getTiles() && terms == 2 && shape.multipliesBfloats;
  if (!shape.hasMatrixTiles || (!hasBytes && !hasBfloats) || !isInPlace() || sum.panel % kColumns != 0)
    return 0;
  for (int count = kMost; count >= kFewest; --count)
    if (groups % count == 0)
      return count;
  return 0;
}

/// Integers are exact: the sums are those of one instruction for each group. Sums of floats are not, so that
/// all rows are computed like many.
void LinearTranslation::defineMatrixTiles(int rows) {
  int atOnce = groupsOfTile();
  int fewest = !isCoded() ? 1 : rows >= MatrixTiles::kMany ? MatrixTiles::kFewestOfMany : rows;
  Expr condition =
      fewest == 1 ? Halide::Internal::const_true() : Halide::Internal::simplify(input.extents[0] >= fewest);
  if (!atOnce || Halide::Internal::is_const_zero(condition) || (!isCoded() && rows < MatrixTiles::kMany))
    return;
  std::string tiled = name + "_tiles_of_" + std::to_string(rows);
  MatrixTiles tiles{rows, Halide::Func(tiled), condition, atOnce};
  Halide::RDom domain(0, static_cast<int32_t>(terms), 0, static_cast<int32_t>(groups), tiled + "_terms");
  Halide::Type type = zero().type();
  tiles.sums(sum.lane, sum.vector, sum.row) = zero();
  // The first part stands for all: where it begins, the runtime finds the others.
  Expr element = op.getParts() ? operands.back().at({sum.row, domain.y}) : inputAt(domain.y, domain.x);
  tiles.sums(sum.lane, sum.vector, sum.row) +=
      Halide::cast(type, weightAt(domain.y, domain.x)) * Halide::cast(type, element);
  sum.matrixTiles.push_back(tiles);
}

/// Tensor cores, where there may be enough rows for them.
void LinearTranslation::defineTensorCores() {
  Expr condition = Halide::Internal::simplify(input.extents[0] >= shape.tensorCoreRows);
  if (!shape.tensorCoreRows || shape.isDeterministic || !weight.elementType.isF16() || !isInPlace() ||
      Halide::Internal::is_const_zero(condition))
    return;
  int32_t panels = cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0);
  sum.tensorTile =
      defineTensorTile(sum, input, weight, {panels, static_cast<int32_t>(groups)}, condition, name);
}

/// The finished element: codes are scaled, in an order that no optimisation may change.
Expr LinearTranslation::value(Expr column, Expr row) {
  std::vector<Expr> at{column % sum.lanes, column / sum.lanes, row};
  Expr result = sum.total(at);
  for (const MatrixTiles &tiles : llvm::reverse(sum.matrixTiles))
    result = Halide::Internal::is_const_one(tiles.condition)
                 ? Expr(tiles.sums(at))
                 : Halide::select(tiles.condition, tiles.sums(at), result);
  if (sum.tensorTile)
    result = Halide::Internal::is_const_one(sum.tensorTile->condition)
                 ? Expr(sum.tensorTile->sums(at))
                 : Halide::select(sum.tensorTile->condition, sum.tensorTile->sums(at), result);
  if (!op.getInputScale()) // floats, or sums of codes
    return result;
  const TensorView &scale = operands[2], &inputScale = operands[3];
  if (isGrouped() && !sum.excess)
    result *= 1.0f / 16; // codes were 16 times their value
  Expr zeroPoint = Halide::cast(result.type(), static_cast<int32_t>(op.getZeroPoint()));
  if (op.getColumnSums() && !sum.excess)
    result -= zeroPoint * operands[4].at({column});
  if (isGrouped())
    return Halide::strict_float(result * inputScale.at({row}));
  return Halide::strict_float(Halide::cast<float>(result) * inputScale.at({row}) * scale.at({column}));
}

Stage LinearTranslation::run() {
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  groups = type.getDimSize(1);
  terms = type.getDimSize(3);
  groupTerms = op.getGroup().value_or(0);
  multipliesNarrowPairs = (op.getNarrowPairs() || shape.addsByteProducts) && op.getZeroPoint() != 0 &&
                          terms == 4 && !shape.multipliesBytes && shape.multipliesWords;
  perBlock = groupsPerBlock();
  sum.panel = type.getDimSize(2);
  sum.terms = terms;
  // Many terms are a vector by themselves, which one instruction multiplies and adds up.
  sum.lanes = isCoded() && terms > 4 ? 1 : std::min(shape.lanes, sum.panel);
  sum.outputs = cast<RankedTensorType>(op.getType()).getDimSize(1);
  sum.features = groups * terms * (isGrouped() ? 2 : 1);
  auto unique = [](const char *base) { return Halide::Var(Halide::Internal::unique_name(base)); };
  sum.lane = unique("lane"), sum.vector = unique("vector"), sum.row = unique("row");
  sum.partial = Halide::Func(name + "_partial");
  sum.total = Halide::Func(name + "_total");
  definePartial();
  defineTotal();
  for (int rows : {op.getParts() ? MatrixTiles::kManyOfFloats : MatrixTiles::kMany, MatrixTiles::kFull,
                   MatrixTiles::kHalf})
    defineMatrixTiles(rows);
  defineTensorCores();

  Stage stage;
  stage.op = op;
  stage.func = Halide::Func(name);
  Halide::Var row = unique("row"), column = unique("column");
  stage.vars = {row, column};
  stage.extents = {input.extents[0], Expr(static_cast<int32_t>(sum.outputs))};
  stage.func(column, row) = value(column, row);
  stage.linear = sum;
  stage.results.push_back(
      viewOf(stage.func, 0, stage.extents, cast<RankedTensorType>(op.getType()).getElementType()));
  return stage;
}

Stage halyard::kernels::translateLinear(seq::LinearOp op, ArrayRef<TensorView> operands,
                                        const CpuShape &shape, const std::string &name) {
  return LinearTranslation(op, operands, shape, name).run();
}
