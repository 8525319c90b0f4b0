// A call stands for the products until Halide has lowered everything else: then its words are read as vectors
// of numbers, of which Halide makes the instruction.
#include "targets/Common/Schedules/PairProducts.h"

using namespace halyard;
using namespace Halide::Internal;
using Halide::Expr;

static constexpr const char *kFunction = "halyard_pair_products";

namespace {
class PairProductCalls : public IRMutator {
  using IRMutator::visit;

  Expr visit(const Call *op) override {
    if (op->name != kFunction)
      return IRMutator::visit(op);
    auto halves = [&](const Expr &words) {
      return Reinterpret::make(Halide::Int(16, 2 * op->type.lanes()), mutate(words));
    };
    return VectorReduce::make(VectorReduce::Add, widening_mul(halves(op->args[0]), halves(op->args[1])),
                              op->type.lanes());
  }
};
} // namespace

Expr halyard::kernels::pairOfWords(const Expr &first, const Expr &second) {
  return (first & 0xffff) | (second << 16);
}

Expr halyard::kernels::pairProducts(const Expr &left, const Expr &right) {
  return Call::make(Halide::Int(32), kFunction, {left, right}, Call::PureExtern);
}

void halyard::kernels::addPairProducts(Halide::Pipeline &pipeline) {
  pipeline.add_custom_lowering_pass(new PairProductCalls);
}
