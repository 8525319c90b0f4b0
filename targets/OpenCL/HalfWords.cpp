// Every expression of f16 becomes one of uint16 with the same bits. Kernels compute in f32, so f16 is only
// loaded, stored and converted.
#include "targets/OpenCL/HalfWords.h"

#include <Halide.h>

using namespace Halide::Internal;
using Halide::Expr;

/// What an exponent and a mantissa of f16 are moved up by in f32, and what is added to the exponent.
static constexpr int kShift = 13, kBias = 112;

static bool isHalf(Halide::Type type) { return type.is_float() && type.bits() == 16; }

static Expr word(Halide::Type like, uint32_t value) {
  return make_const(like.with_code(halide_type_uint), value);
}

/// Without an implicit first digit a number is what it has beyond the least with one.
static Expr widened(const Expr &half) {
  Expr bits = Halide::cast(Halide::UInt(32, half.type().lanes()), half);
  auto constant = [&](uint32_t value) { return word(bits.type(), value); };
  auto asFloat = [](const Expr &value) {
    return Halide::reinterpret(Halide::Float(32, value.type().lanes()), value);
  };
  Expr magnitude = (bits & constant(0x7fff)) << constant(kShift), exponent = bits & constant(0x7c00);
  Expr least = constant((kBias + 1) << 23);
  Expr small = Halide::reinterpret(bits.type(), asFloat(magnitude + least) - asFloat(least));
  Expr normal = magnitude + constant(kBias << 23), infinite = magnitude + constant(2 * kBias << 23);
  Expr wide = Halide::select(exponent == constant(0), small, exponent == constant(0x7c00), infinite, normal);
  return asFloat(wide | ((bits & constant(0x8000)) << constant(16)));
}

/// To the nearest, half to even. Of small numbers the last digits are lost by adding what has none after
/// them.
static Expr narrowed(const Expr &value) {
  int lanes = value.type().lanes();
  Expr bits = Halide::reinterpret(Halide::UInt(32, lanes), value);
  auto constant = [&](uint32_t number) { return word(bits.type(), number); };
  Expr magnitude = bits & constant(0x7fffffff), last = (magnitude >> constant(kShift)) & constant(1);
  Expr normal = ((magnitude + constant(0xfff) + last) >> constant(kShift)) - constant(kBias << 10);
  Expr half = make_const(Halide::Float(32, lanes), 0.5);
  Expr added = Halide::reinterpret(Halide::Float(32, lanes), magnitude) + half;
  Expr small = Halide::reinterpret(bits.type(), added) - Halide::reinterpret(bits.type(), half);
  Expr narrow = Halide::select(magnitude<constant((kBias + 1) << 23), small, // below 2^-14
                                         magnitude>
                                   constant(0x7f800000),
                               constant(0x7e00),                                             // no number
                               magnitude >= constant(0x47800000), constant(0x7c00), normal); // from 2^16 on
  return Halide::cast(Halide::UInt(16, lanes), narrow | ((bits >> constant(16)) & constant(0x8000)));
}

namespace {
class HalfWords : public IRMutator {
private:
  using IRMutator::visit;

  static Halide::Type stored(Halide::Type type) {
    return isHalf(type) ? type.with_code(halide_type_uint) : type;
  }

  Expr visit(const Load *op) override {
    return Load::make(stored(op->type), op->name, mutate(op->index), op->image, op->param,
                      mutate(op->predicate), op->alignment);
  }
  Expr visit(const Variable *op) override {
    return isHalf(op->type) ? Variable::make(stored(op->type), op->name) : Expr(op);
  }
  Expr visit(const FloatImm *op) override {
    return isHalf(op->type) ? word(op->type, Halide::float16_t(op->value).to_bits()) : Expr(op);
  }
  Stmt visit(const Allocate *op) override {
    std::vector<Expr> extents;
    for (const Expr &extent : op->extents)
      extents.push_back(mutate(extent));
    return Allocate::make(op->name, stored(op->type), op->memory_type, extents, mutate(op->condition),
                          mutate(op->body), mutate(op->new_expr), op->free_function, op->padding);
  }
  Expr visit(const Cast *op) override {
    Expr value = mutate(op->value);
    if (isHalf(op->value.type()))
      value = widened(value);
    return isHalf(op->type) ? narrowed(Halide::cast(Halide::Float(32, op->type.lanes()), value))
                            : Halide::cast(op->type, value);
  }
};
} // namespace

void halyard::addHalfWords(Halide::Pipeline &pipeline) { pipeline.add_custom_lowering_pass(new HalfWords); }
