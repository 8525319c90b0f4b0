// A target whose kernels say what they fetch ahead.
#ifndef HALYARD_TEST_UNIT_TARGETS_WATCHEDTARGET_H
#define HALYARD_TEST_UNIT_TARGETS_WATCHEDTARGET_H

#include "targets/Common/Target.h"

namespace halyard::test {

/// The same target, except that its kernels call `halyard_prefetch` in place of instructions. `target` has to
/// outlive it.
std::unique_ptr<Target> watchedTarget(const Target &target);

} // namespace halyard::test

#endif
