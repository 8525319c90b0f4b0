// A call stands for the products until Halide has lowered everything else: then its words are read as vectors
// of numbers, of which Halide makes the instruction.
#include "targets/Common/Schedules/PairProducts.h"

using namespace halyard;
using namespace Halide::Internal;
using Halide::Expr;

static constexpr const char *kPairs = "halyard_pair_products", *kBytes = "halyard_add_byte_products";

namespace {
class PairProductCalls : public IRMutator {
  using IRMutator::visit;

  Expr visit(const Call *op) override {
    const int lanes = op->type.lanes();
    const Halide::Type halves = Halide::Int(16, 2 * lanes);
    auto read = [&](int argument, Halide::Type type) {
      return Reinterpret::make(type, mutate(op->args[argument]));
    };
    if (op->name == kPairs)
      return VectorReduce::make(VectorReduce::Add, widening_mul(read(0, halves), read(1, halves)), lanes);
    if (op->name != kBytes)
      return IRMutator::visit(op);
    Expr products = widening_mul(read(1, Halide::UInt(8, 4 * lanes)), read(2, Halide::Int(8, 4 * lanes)));
    Expr sums = VectorReduce::make(VectorReduce::SaturatingAdd, products, 2 * lanes);
    return Reinterpret::make(op->type, Add::make(read(0, halves), sums));
  }
};
} // namespace

Expr halyard::kernels::pairOfWords(const Expr &first, const Expr &second) {
  return (first & 0xffff) | (second << 16);
}

Expr halyard::kernels::pairProducts(const Expr &left, const Expr &right) {
  return Call::make(Halide::Int(32), kPairs, {left, right}, Call::PureExtern);
}

Expr halyard::kernels::addByteProducts(const Expr &sums, const Expr &unsignedBytes, const Expr &signedBytes) {
  return Call::make(Halide::Int(32), kBytes, {sums, unsignedBytes, signedBytes}, Call::PureExtern);
}

Expr halyard::kernels::addByteDotProduct(const Expr &sum, const Expr &unsignedBytes,
                                         const Expr &signedBytes) {
  return sum + pairProducts(addByteProducts(0, unsignedBytes, signedBytes), pairOfWords(1, 1));
}

void halyard::kernels::addPairProducts(Halide::Pipeline &pipeline) {
  pipeline.add_custom_lowering_pass(new PairProductCalls);
}
