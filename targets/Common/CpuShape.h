// What translation and schedules need to know about a processor.
#ifndef HALYARD_TARGETS_COMMON_CPUSHAPE_H
#define HALYARD_TARGETS_COMMON_CPUSHAPE_H

namespace halyard::kernels {

struct CpuShape {
  /// float32 elements of a vector.
  int lanes;
  /// Vectors and rows of a tile of accumulators in registers, weights read where they are.
  int tileVectors, tileRows;
  /// Rows of a tile whose elements are sums over a contiguous axis (four columns wide).
  int sumRows;
  /// Accumulators of a tile whose weights are packed before; 0 if nothing is packed.
  int packedAccumulators;
  /// Vector registers.
  int registers = 16;
  /// An instruction multiplies bytes, with the signs that the layout of weights says, and adds up four
  /// products; two of bf16.
  bool multipliesBytes = false, multipliesBfloats = false;
  /// One multiplies pairs of 16 bits, signed, and adds up both products, faster than one multiplies floats.
  bool multipliesWords = false;
  /// Registers hold tiles of matrices, and an instruction multiplies two of them
  /// (runtime/core/MatrixTiles.cpp).
  bool hasMatrixTiles = false;
  /// Words of four bytes are multiplied, and the products added up, by one instruction that Halide does not
  /// know (addByteDotProduct); multipliesWords is true, and multipliesBytes is not.
  bool addsByteProducts = false;
  /// Blocks of threads compute, each in registers of its own.
  bool isGpu = false;
  /// Rows from which on tensor cores multiply weights of f16; 0 if there are none.
  int tensorCoreRows = 0;
  /// Arithmetic reads registers only: what lies in memory takes one first.
  bool loadsApart = false;
  /// Memory is fetched ahead of its use on demand.
  bool prefetches = true;
  /// Every target gets the same bits: no order of additions may follow from the numbers above.
  bool isDeterministic = false;

  /// Partial sums of a sum of many terms. A number that does not depend on the target is a vector or a few of
  /// them everywhere.
  int partialSums() const { return isDeterministic ? 8 : lanes; }
};

} // namespace halyard::kernels

#endif
