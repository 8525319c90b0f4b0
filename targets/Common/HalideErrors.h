// Halide's messages within the compiler.
#ifndef HALYARD_TARGETS_COMMON_HALIDEERRORS_H
#define HALYARD_TARGETS_COMMON_HALIDEERRORS_H

namespace halyard::kernels {

/// Makes Halide's errors exceptions (Halide::Error) and its warnings silent: they are advice on schedules,
/// and standard error belongs to messages about the user's model. Cheap to call again.
void captureHalideMessages();

} // namespace halyard::kernels

#endif
