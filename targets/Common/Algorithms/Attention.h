// Attention in blocks of keys with a running maximum, so that no row of scores is ever stored whole and
// memory does not depend on the number of keys.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_ATTENTION_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_ATTENTION_H

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/Stage.h"

namespace halyard::kernels {

/// Translates seq.attention. `operands` are views of all operands in order, a cache being [slots, length,
/// features]. `keyRows` gives the number of keys per slot; needed for caches without `causal`. The stage
/// brings its own schedule.
Stage translateAttention(seq::AttentionOp op, llvm::ArrayRef<TensorView> operands, const TensorView *keyRows,
                         const CpuShape &shape, const std::string &name);

class AttentionOperands;

/// The same over whole tensors. With `mayRound`, operands of products are rounded where shapes allow it.
Stage translateTensorAttention(const AttentionOperands &operands, const CpuShape &shape, bool mayRound,
                               const std::string &name);

/// The same for rows that read caches.
Stage translateCacheAttention(const AttentionOperands &operands, const CpuShape &shape,
                              const std::string &name);

/// Either on a GPU.
Stage translateBlockAttention(const AttentionOperands &operands, const std::string &name);

/// The same over whole tensors with matrix tiles, for shapes that fit them: products of operands rounded to
/// bf16, or as exact as f32, where there are always queries enough for that to pay.
bool fitsMatrixTiles(const AttentionOperands &operands, bool isRounded);
Stage translateMatrixAttention(const AttentionOperands &operands, bool isRounded, const std::string &name);

} // namespace halyard::kernels

#endif
