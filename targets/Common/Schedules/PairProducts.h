// Products of pairs of 16-bit numbers, and of bytes, that lie together in words of 32 bits. Halide has the
// instructions for vectors of 16 or 8 bits whose neighbours belong together; words can be put together lane
// by lane, and one word can be read for all lanes, without interleaving anything.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_PAIRPRODUCTS_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_PAIRPRODUCTS_H

#include <Halide.h>

namespace halyard::kernels {

/// A word of the lower halves of two int32, the first of them in the lower half. Words are int32.
Halide::Expr pairOfWords(const Halide::Expr &first, const Halide::Expr &second);

/// The sum of both products of two such words, as int32.
Halide::Expr pairProducts(const Halide::Expr &left, const Halide::Expr &right);

/// `sums`, a word of two int16, plus the sums of the first two and of the last two products of four bytes,
/// unsigned times signed. No sum of two products may be beyond 16 bits.
Halide::Expr addByteProducts(const Halide::Expr &sums, const Halide::Expr &unsignedBytes,
                             const Halide::Expr &signedBytes);

/// `sum` plus the four products of the bytes of two words, unsigned times signed, as int32. As above, unless
/// the processor adds up all four at once (CpuShape::addsByteProducts).
Halide::Expr addByteDotProduct(const Halide::Expr &sum, const Halide::Expr &unsignedBytes,
                               const Halide::Expr &signedBytes);

/// Adds to `pipeline` what makes these the instructions; without it they are functions that nobody defines.
void addPairProducts(Halide::Pipeline &pipeline);

} // namespace halyard::kernels

#endif
