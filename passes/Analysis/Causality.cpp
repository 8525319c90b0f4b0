// Comparisons of bias tables. Values are compared to one part in a million, because a value computed at
// another length may be rounded differently; two NaNs and two masked entries are equal.
#include "passes/Analysis/Causality.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace halyard {

static bool close(float a, float b) {
  if (a == b || (std::isnan(a) && std::isnan(b)) || (a <= kMasked && b <= kMasked))
    return true;
  return std::fabs(a - b) <= 1e-6f * (1.0f + std::fabs(a));
}

/// Calls `test` for every entry, up to the diagonal only if `causal`; whether all said yes.
template <typename Test> static bool allEntries(const BiasTable &table, bool causal, Test test) {
  for (int64_t head = 0; head < table.heads(); ++head)
    for (int64_t query = 0; query < table.length(); ++query)
      for (int64_t key = 0, end = causal ? query + 1 : table.length(); key < end; ++key)
        if (!test(head, query, key))
          return false;
  return true;
}

bool BiasTable::isCausal() const {
  return allEntries(*this, false, [&](int64_t head, int64_t query, int64_t key) {
    return key <= query || at(head, query, key) <= kMasked;
  });
}

bool BiasTable::hasPrefix(const HostTensor &shorter, bool causal) const {
  if (shorter.rank() != 3 || shorter.shape[0] != heads() || shorter.shape[1] > length() ||
      shorter.shape[1] != shorter.shape[2])
    return false;
  BiasTable other(shorter);
  if (causal && !other.isCausal())
    return false;
  return allEntries(other, causal, [&](int64_t head, int64_t query, int64_t key) {
    return close(at(head, query, key), other.at(head, query, key));
  });
}

bool BiasTable::isZero(bool causal) const {
  return allEntries(*this, causal,
                    [&](int64_t head, int64_t query, int64_t key) { return at(head, query, key) == 0.0f; });
}

bool BiasTable::isByDistance(bool causal) const {
  return allEntries(*this, causal, [&](int64_t head, int64_t query, int64_t key) {
    return query == 0 || key == 0 || close(at(head, query, key), at(head, query - 1, key - 1));
  });
}

int64_t BiasTable::distinctHeads(bool causal) const {
  bool same = allEntries(*this, causal, [&](int64_t head, int64_t query, int64_t key) {
    return close(at(head, query, key), at(0, query, key));
  });
  return same ? 1 : heads();
}

HostTensor BiasTable::normalised(bool causal) const {
  int64_t count = distinctHeads(causal);
  HostTensor result = HostTensor::allocate({count, length(), length()}, table.elementType);
  auto values = result.mutableValues<float>();
  for (int64_t head = 0, index = 0; head < count; ++head)
    for (int64_t query = 0; query < length(); ++query)
      for (int64_t key = 0; key < length(); ++key)
        values[index++] = causal && key > query ? 0.0f : at(head, query, key);
  return result;
}

HostTensor BiasTable::distances(bool causal) const {
  int64_t count = distinctHeads(causal), width = 2 * length() - 1;
  HostTensor result = HostTensor::allocate({count, width}, table.elementType);
  auto values = result.mutableValues<float>();
  for (int64_t head = 0; head < count; ++head)
    for (int64_t index = 0; index < width; ++index) {
      int64_t distance = index - (length() - 1);
      bool hidden = causal && distance < 0;
      values[head * width + index] = hidden          ? 0.0f
                                     : distance >= 0 ? at(head, distance, 0)
                                                     : at(head, 0, -distance);
    }
  return result;
}

bool isPrefix(const HostTensor &shorter, const HostTensor &longer, int64_t axis) {
  if (shorter.rank() != longer.rank() || shorter.elementType != longer.elementType ||
      shorter.shape[axis] > longer.shape[axis])
    return false;
  int64_t outer = 1, inner = HostTensor::bytesPerElement(shorter.elementType);
  for (int64_t dim = 0; dim < shorter.rank(); ++dim) {
    if (dim != axis && shorter.shape[dim] != longer.shape[dim])
      return false;
    (dim < axis ? outer : inner) *= dim == axis ? 1 : shorter.shape[dim];
  }
  int64_t bytes = shorter.shape[axis] * inner, stride = longer.shape[axis] * inner;
  auto *small = static_cast<const char *>(shorter.data.get()),
       *large = static_cast<const char *>(longer.data.get());
  for (int64_t block = 0; block < outer; ++block) {
    const char *a = small + block * bytes, *b = large + block * stride;
    if (!shorter.elementType.isF32()) {
      if (std::memcmp(a, b, bytes) != 0)
        return false;
      continue;
    }
    auto *x = reinterpret_cast<const float *>(a), *y = reinterpret_cast<const float *>(b);
    for (int64_t index = 0; index < bytes / 4; ++index)
      if (!close(x[index], y[index]))
        return false;
  }
  return true;
}

} // namespace halyard
