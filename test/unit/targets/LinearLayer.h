// What tests of seq.linear share: layers with random weights, packed as a target reads them, and what they
// give computed in double.
#ifndef HALYARD_TEST_UNIT_TARGETS_LINEARLAYER_H
#define HALYARD_TEST_UNIT_TARGETS_LINEARLAYER_H

#include "KernelTestBase.h"

#include "mlir/AsmParser/AsmParser.h"

namespace halyard::test {

/// A layer with random weights, and its packed form for a target.
struct Layer {
  int64_t features, outputs;
  WeightPrecision precision;
  /// What follows: nothing, or bias, activation and residual.
  bool hasEpilogue;
  /// Codes of 8 bits of any size, as a file may bring them, even where the target makes narrow pairs.
  bool hasWidePairs = false;
};

class LinearTest : public KernelTestBase {
protected:
  /// Makes the layer's operands, laid out as a target reads them.
  void prepare(const Layer &wanted, const Target &layoutOf = machine());
  std::string text() const;
  HostTensor randomInput(int64_t rows);
  std::vector<CompiledKernel::Argument> arguments(const HostTensor &input, int64_t firstRow, int64_t rows);
  std::vector<double> expected(const HostTensor &input);
  double weightAt(int64_t k, int64_t o) const;
  double inputAt(const HostTensor &input, int64_t i, int64_t k) const;
  HostTensor slice(const HostTensor &tensor, int64_t firstRow, int64_t rows);
  void checkRows(const CompiledKernel &kernel, const HostTensor &input);

  bool isGrouped() const { return layer.precision == WeightPrecision::i4; }
  bool isCoded() const { return isGrouped() || layer.precision == WeightPrecision::i8; }
  bool hasUnsignedNibbles() const { return isGrouped() && layout.unsignedNibbles; }
  bool isNarrow() const {
    return layout.narrowPairs && layer.precision == WeightPrecision::i8 && !layer.hasWidePairs;
  }
  int64_t weightIndex(int64_t k, int64_t o) const;
  mlir::Type type(const char *name) { return mlir::parseType(name, &context); }

  Layer layer;
  LinearLayout layout;
  int64_t panels, groups, padded;
  HostTensor weight, scale, sums, bias, residual, inputScale;
};

} // namespace halyard::test

#endif
