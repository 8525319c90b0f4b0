// How many ids a token source may name: the height of the smallest table that the encoder indexes by them.
#ifndef HALYARD_PASSES_ANALYSIS_SOURCEVOCABULARY_H
#define HALYARD_PASSES_ANALYSIS_SOURCEVOCABULARY_H

#include "dialects/Seq/IR/Seq.h"

namespace halyard {

/// 0 if the source is not of integers or indexes nothing.
int64_t sourceVocabulary(seq::EncodeOp encode);

} // namespace halyard

#endif
