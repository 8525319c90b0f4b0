// At which indices one Func reads another, through everything that is inlined between them.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_ACCESSPATTERN_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_ACCESSPATTERN_H

#include <Halide.h>

#include <optional>

namespace halyard::kernels {

/// The arguments (innermost first) of the first call of `producer` that is reached from the definition of
/// `consumer`, in terms of the consumer's own variables; none if it never reads it. Reduction variables stay
/// as they are.
std::optional<std::vector<Halide::Expr>> accessPattern(const Halide::Func &consumer,
                                                       const Halide::Func &producer);

/// Likewise, of the first argument of the kernel that it reads.
std::optional<std::vector<Halide::Expr>> argumentAccess(const Halide::Func &consumer);

} // namespace halyard::kernels

#endif
