// What a stage computes and reads, counted from the IR: multiply-adds and bytes of weights.
//
// Bytes are those that a call has to read at least once: constants that are read whole. A table that is
// indexed by ids or positions is counted by the rows read, which is next to nothing, unless something else
// reads it whole as well (a tied embedding in the head). Attention over cached rows is counted by itself, and
// the bytes of its bias are not, because it alone grows with lengths.
#ifndef HALYARD_PASSES_ANALYSIS_COST_H
#define HALYARD_PASSES_ANALYSIS_COST_H

#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/StageExtents.h"

namespace halyard {

struct StageCost {
  int64_t multiplyAdds = 0;          // of contractions and other reductions
  int64_t attentionMultiplyAdds = 0; // of seq.attention and seq.prefix_sum
  int64_t weightBytes = 0;
};

/// Lengths that a cost is counted at.
struct CostLengths {
  int64_t source = 1;
  int64_t target = 1; // rows of an incremental step, else the text's length
  int64_t kept = 1;   // rows of self-attention that each row of an incremental step sees
};

/// The cost of one call of a stage: seq.encode, seq.bind or seq.step, before form-dispatches.
StageCost stageCost(mlir::Operation *stage, const StageExtents &extents, const CostLengths &lengths);

/// Costs of all stages as nested dictionaries: encode and bind for a source of full length, step for one row
/// that sees a full source and a full text.
///   {encode = {multiply_adds, attention_multiply_adds, weight_bytes}, bind = {...}, step = {...}}
mlir::DictionaryAttr programCost(seq::ProgramOp program, const StageExtents &extents);

} // namespace halyard

#endif
