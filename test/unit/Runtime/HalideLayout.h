// The structures that kernels take are laid out as Halide's own, whatever the size of a pointer: to be
// compiled for machines of 32 and of 64 bits.
#ifndef HALYARD_TEST_UNIT_RUNTIME_HALIDELAYOUT_H
#define HALYARD_TEST_UNIT_RUNTIME_HALIDELAYOUT_H

#include "halyard/kernel.h"

#include <HalideRuntime.h>
#include <stddef.h>

#define SAME_FIELD(ours, theirs, field)                                                                      \
  static_assert(offsetof(ours, field) == offsetof(theirs, field), "where " #field " lies");                  \
  static_assert(sizeof(ours::field) == sizeof(theirs::field), "how large " #field " is")

static_assert(sizeof(halyard_buffer) == sizeof(halide_buffer_t), "how large a buffer is");
SAME_FIELD(halyard_buffer, halide_buffer_t, device);
SAME_FIELD(halyard_buffer, halide_buffer_t, device_interface);
SAME_FIELD(halyard_buffer, halide_buffer_t, host);
SAME_FIELD(halyard_buffer, halide_buffer_t, flags);
SAME_FIELD(halyard_buffer, halide_buffer_t, type);
SAME_FIELD(halyard_buffer, halide_buffer_t, dimensions);
SAME_FIELD(halyard_buffer, halide_buffer_t, dim);
SAME_FIELD(halyard_buffer, halide_buffer_t, padding);

static_assert(sizeof(halyard_type) == sizeof(halide_type_t), "how large a type is");
SAME_FIELD(halyard_type, halide_type_t, code);
SAME_FIELD(halyard_type, halide_type_t, bits);
SAME_FIELD(halyard_type, halide_type_t, lanes);

static_assert(sizeof(halyard_dimension) == sizeof(halide_dimension_t), "how large a dimension is");
SAME_FIELD(halyard_dimension, halide_dimension_t, min);
SAME_FIELD(halyard_dimension, halide_dimension_t, extent);
SAME_FIELD(halyard_dimension, halide_dimension_t, stride);
SAME_FIELD(halyard_dimension, halide_dimension_t, flags);

#undef SAME_FIELD

#endif
