// A tensor in the compiler's own memory: what the evaluator computes with, and what constants become when
// their elements are needed.
#ifndef HALYARD_TARGETS_COMMON_HOSTTENSOR_H
#define HALYARD_TARGETS_COMMON_HOSTTENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

#include <memory>

namespace halyard {

/// Row-major elements with their shape. Copies share the elements, so a tensor that was handed out must not
/// be written to any more. Storage of an element: f16 and bf16 two bytes, i1 one byte (0 or 1), index eight
/// bytes, all others their own width.
struct HostTensor {
  llvm::SmallVector<int64_t> shape;
  mlir::Type elementType;
  std::shared_ptr<void> data;

  /// A tensor of undefined elements, aligned to 64 bytes. All extents must be known.
  static HostTensor allocate(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);

  /// A tensor with a copy of `values`, which must be as many as `shape` says and as wide as `elementType`.
  template <typename T>
  static HostTensor of(llvm::ArrayRef<int64_t> shape, mlir::Type elementType, llvm::ArrayRef<T> values) {
    HostTensor tensor = allocate(shape, elementType);
    assert(tensor.bytes() == static_cast<int64_t>(values.size() * sizeof(T)) && "shape and values disagree");
    std::copy(values.begin(), values.end(), static_cast<T *>(tensor.data.get()));
    return tensor;
  }

  int64_t rank() const { return shape.size(); }
  int64_t elements() const;
  int64_t bytes() const { return elements() * bytesPerElement(elementType); }
  mlir::RankedTensorType type() const { return mlir::RankedTensorType::get(shape, elementType); }

  /// The elements, read as `T`, whose width must be that of an element.
  template <typename T> llvm::ArrayRef<T> values() const {
    assert(sizeof(T) == static_cast<size_t>(bytesPerElement(elementType)) && "element width");
    return {static_cast<const T *>(data.get()), static_cast<size_t>(elements())};
  }
  /// The same for writing, before the tensor is handed out.
  template <typename T> llvm::MutableArrayRef<T> mutableValues() {
    assert(sizeof(T) == static_cast<size_t>(bytesPerElement(elementType)) && "element width");
    return {static_cast<T *>(data.get()), static_cast<size_t>(elements())};
  }

  /// The same elements under another shape of as many elements; shares them.
  HostTensor reshaped(llvm::ArrayRef<int64_t> newShape) const;

  /// Element `linear`, sign-extended if it is a signless or signed integer. Integer element types only.
  int64_t integerAt(int64_t linear) const;

  /// True if all elements have the same bits (and there is at least one).
  bool isSplat() const;

  static int64_t bytesPerElement(mlir::Type elementType);
};

/// The elements of a dense or resource constant. Nothing is copied unless the attribute is a splat or packs
/// bits; the result is valid as long as the context is.
HostTensor fromAttribute(mlir::ElementsAttr attribute);

/// The tensor as a constant: a dense attribute when it is small or a splat, else a resource that shares the
/// elements.
mlir::ElementsAttr toAttribute(const HostTensor &tensor);

} // namespace halyard

#endif
