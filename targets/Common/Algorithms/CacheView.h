// Elements of a cache by slot, head, key and feature, wherever its form puts them.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_CACHEVIEW_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_CACHEVIEW_H

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/LinalgToHalide/TensorView.h"

namespace halyard::kernels {

/// A kernel argument of type !seq.cache. Keys are given as the first of a vector of keys, which does not
/// cross a block if the cache has blocks, and the number within the vector; both members of a pair that an
/// instruction reads have numbers of their own. All of it within the extents; codes are not scaled.
class CacheView {
public:
  CacheView() = default;
  /// `heads` is the number of key/value heads.
  CacheView(seq::CacheType type, const TensorView &view, int heads)
      : type(type), view(view), width(type.getFeatures() / heads) {}

  explicit operator bool() const { return static_cast<bool>(type); }
  bool hasBlocks() const { return static_cast<bool>(type.getBlocks()); }
  bool isCoded() const { return type.getElementType().isInteger(8); }

  Halide::Expr at(const Halide::Expr &slot, const Halide::Expr &head, const Halide::Expr &first,
                  const Halide::Expr &within, const Halide::Expr &feature) const;
  /// Key 2 pair + side.
  Halide::Expr inRowPair(const Halide::Expr &slot, const Halide::Expr &head, const Halide::Expr &first,
                         const Halide::Expr &pair, const Halide::Expr &side,
                         const Halide::Expr &feature) const;
  /// Feature 2 pair + side.
  Halide::Expr inFeaturePair(const Halide::Expr &slot, const Halide::Expr &head, const Halide::Expr &first,
                             const Halide::Expr &within, const Halide::Expr &pair,
                             const Halide::Expr &side) const;

private:
  seq::CacheType type;
  TensorView view;
  int width = 0;
};

} // namespace halyard::kernels

#endif
