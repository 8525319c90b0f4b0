// Products of pairs of 16-bit numbers that lie together in words of 32 bits. Halide has the instruction for
// vectors of 16 bits whose neighbours are the pairs; words can be put together lane by lane, and one word can
// be read for all lanes, without interleaving anything.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PAIRPRODUCTS_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PAIRPRODUCTS_H

#include <Halide.h>

namespace halyard::kernels {

/// A word of the lower halves of two int32, the first of them in the lower half. Words are int32.
Halide::Expr pairOfWords(const Halide::Expr &first, const Halide::Expr &second);

/// The sum of both products of two such words, as int32.
Halide::Expr pairProducts(const Halide::Expr &left, const Halide::Expr &right);

/// Adds to `pipeline` what makes pairProducts the instruction; without it they are functions that nobody
/// defines.
void addPairProducts(Halide::Pipeline &pipeline);

} // namespace halyard::kernels

#endif
