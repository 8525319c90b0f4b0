// x86-64 by microarchitecture level.
#ifndef HALYARD_TARGETS_X86_X86TARGET_H
#define HALYARD_TARGETS_X86_X86TARGET_H

#include "targets/Common/Target.h"

namespace halyard {

/// x86-64-v3 (AVX2 and FMA, the default, also called "x86-64"), then v4 (AVX-512) and v2 (SSE 4.1).
llvm::ArrayRef<const Target *> x86Targets();

/// The highest of them that this machine can run, or null if this is no x86-64.
const Target *hostX86Target();

} // namespace halyard

#endif
