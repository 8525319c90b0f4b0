// Which algorithm serves an attention.
#include "targets/Common/Algorithms/Attention.h"

#include "targets/Common/Algorithms/AttentionOperands.h"
#include "targets/Common/CpuShape.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;

Stage halyard::kernels::translateAttention(seq::AttentionOp op, ArrayRef<TensorView> views,
                                           const TensorView *keyRows, const CpuShape &shape,
                                           const std::string &name) {
  AttentionOperands operands(op, views, keyRows);
  if (shape.isGpu)
    return translateBlockAttention(operands, name);
  CpuShape tiled = shape;
  tiled.lanes = std::max(shape.lanes, 4); // tiles of queries and keys pay without vectors as well
  if (operands.isRagged)
    return translateCacheAttention(operands, tiled, name);
  bool mayRound = op.getBfloatProducts() && !shape.isDeterministic;
  if (shape.hasMatrixTiles && !shape.isDeterministic && fitsMatrixTiles(operands, mayRound))
    return translateMatrixAttention(operands, mayRound, name);
  return translateTensorAttention(operands, tiled, mayRound && shape.multipliesWords, name);
}
