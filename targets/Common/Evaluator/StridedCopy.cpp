// Contiguous runs are copied with memcpy; whatever is strided innermost goes element by element.
#include "targets/Common/Evaluator/StridedCopy.h"

#include <cstring>

using namespace halyard::evaluation;

StridedBox halyard::evaluation::boxOf(void *data, llvm::ArrayRef<int64_t> shape, int64_t width,
                                      llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> steps) {
  StridedBox box{static_cast<char *>(data), llvm::SmallVector<int64_t>(shape.size())};
  int64_t stride = width;
  for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
    box.start += offsets[dim] * stride;
    box.strides[dim] = steps[dim] * stride;
    stride *= shape[dim];
  }
  return box;
}

namespace {
template <typename T>
void copyElements(char *to, int64_t toStride, const char *from, int64_t fromStride, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    *reinterpret_cast<T *>(to + i * toStride) = *reinterpret_cast<const T *>(from + i * fromStride);
}

void copyRow(char *to, int64_t toStride, const char *from, int64_t fromStride, int64_t count, int64_t width) {
  if (toStride == width && fromStride == width)
    std::memcpy(to, from, count * width);
  else if (width == 1)
    copyElements<uint8_t>(to, toStride, from, fromStride, count);
  else if (width == 2)
    copyElements<uint16_t>(to, toStride, from, fromStride, count);
  else if (width == 4)
    copyElements<uint32_t>(to, toStride, from, fromStride, count);
  else
    copyElements<uint64_t>(to, toStride, from, fromStride, count);
}

/// A copy with as few dimensions as it can be told in.
struct Copy {
  llvm::SmallVector<int64_t> sizes, toStrides, fromStrides;

  /// Adds an outer to inner dimension; merges it with the one before if both sides are contiguous there.
  void add(int64_t size, int64_t toStride, int64_t fromStride) {
    if (size == 1)
      return;
    if (!sizes.empty() && toStrides.back() == toStride * size && fromStrides.back() == fromStride * size) {
      sizes.back() *= size;
      toStrides.back() = toStride;
      fromStrides.back() = fromStride;
      return;
    }
    sizes.push_back(size);
    toStrides.push_back(toStride);
    fromStrides.push_back(fromStride);
  }

  void run(size_t dim, char *to, const char *from, int64_t width) const {
    if (dim + 1 == sizes.size())
      return copyRow(to, toStrides[dim], from, fromStrides[dim], sizes[dim], width);
    for (int64_t i = 0; i < sizes[dim]; ++i)
      run(dim + 1, to + i * toStrides[dim], from + i * fromStrides[dim], width);
  }
};
} // namespace

void halyard::evaluation::copyBox(const StridedBox &to, const StridedBox &from, llvm::ArrayRef<int64_t> sizes,
                                  int64_t width) {
  Copy copy;
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    if (sizes[dim] <= 0)
      return;
    copy.add(sizes[dim], to.strides[dim], from.strides[dim]);
  }
  if (copy.sizes.empty())
    std::memcpy(to.start, from.start, width);
  else
    copy.run(0, to.start, from.start, width);
}
