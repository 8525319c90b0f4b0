// Causality and shape of attention biases, read off their values.
#ifndef HALYARD_PASSES_ANALYSIS_CAUSALITY_H
#define HALYARD_PASSES_ANALYSIS_CAUSALITY_H

#include "targets/Common/HostTensor.h"

namespace halyard {

/// A bias below this weighs exp(-10000) = 0 in float32 beside any other: the key is masked.
constexpr float kMasked = -1e4f;

/// A bias table, [heads, length, length] of f32, read as a whole.
class BiasTable {
public:
  explicit BiasTable(HostTensor table) : table(std::move(table)), values(this->table.values<float>()) {}

  int64_t heads() const { return table.shape[0]; }
  int64_t length() const { return table.shape[1]; }
  float at(int64_t head, int64_t query, int64_t key) const {
    return values[(head * length() + query) * length() + key];
  }

  /// Every key after the query is masked.
  bool isCausal() const;
  /// `shorter`, the same bias at a smaller length, is the leading part of this one (up to the query only, if
  /// `causal`).
  bool hasPrefix(const HostTensor &shorter, bool causal) const;
  /// Nothing is added where a key is visible.
  bool isZero(bool causal) const;
  /// The bias depends on head and distance only.
  bool isByDistance(bool causal) const;

  /// [1 or heads, length, length], heads that are all equal told once; zeros above the diagonal if `causal`.
  HostTensor normalised(bool causal) const;
  /// [1 or heads, 2 length - 1], at query - key + length - 1.
  HostTensor distances(bool causal) const;

private:
  int64_t distinctHeads(bool causal) const;
  HostTensor table;
  llvm::ArrayRef<float> values;
};

/// Whether `shorter` is what `longer` begins with along `axis`, all other extents being equal.
bool isPrefix(const HostTensor &shorter, const HostTensor &longer, int64_t axis);

} // namespace halyard

#endif
