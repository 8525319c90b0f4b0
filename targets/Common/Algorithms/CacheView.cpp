// Where a cache's form puts its elements.
#include "targets/Common/Algorithms/CacheView.h"

using namespace halyard;
using namespace halyard::kernels;
using Halide::Expr;

Expr CacheView::at(const Expr &slot, const Expr &head, const Expr &first, const Expr &within,
                   const Expr &feature) const {
  seq::BlocksAttr blocks = type.getBlocks();
  if (!blocks)
    return view.at({slot, first + within, head * width + feature});
  auto rows = static_cast<int32_t>(blocks.getRows());
  assert(blocks.getForm() == seq::BlockForm::rows && "pairs are read as such");
  return view.at({slot, first / rows, head, first % rows + within, feature});
}

Expr CacheView::inRowPair(const Expr &slot, const Expr &head, const Expr &first, const Expr &pair,
                          const Expr &side, const Expr &feature) const {
  seq::BlocksAttr blocks = type.getBlocks();
  if (!blocks || blocks.getForm() != seq::BlockForm::row_pairs)
    return at(slot, head, first, 2 * pair + side, feature);
  auto rows = static_cast<int32_t>(blocks.getRows());
  return view.at({slot, first / rows, head, first % rows / 2 + pair, feature, side});
}

Expr CacheView::inFeaturePair(const Expr &slot, const Expr &head, const Expr &first, const Expr &within,
                              const Expr &pair, const Expr &side) const {
  seq::BlocksAttr blocks = type.getBlocks();
  if (!blocks || blocks.getForm() != seq::BlockForm::feature_pairs)
    return at(slot, head, first, within, 2 * pair + side);
  auto rows = static_cast<int32_t>(blocks.getRows());
  constexpr auto tile = static_cast<int32_t>(seq::BlocksAttr::kTileRows);
  return view.at({slot, first / rows, head, first % rows / tile, pair, first % tile + within, side});
}
