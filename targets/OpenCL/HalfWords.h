// Numbers of 16 bits on devices that do not compute with them.
#ifndef HALYARD_TARGETS_OPENCL_HALFWORDS_H
#define HALYARD_TARGETS_OPENCL_HALFWORDS_H

namespace Halide {
class Pipeline;
}

namespace halyard {

/// Has lowered loops read and write f16 as words of 16 bits, and convert them from and to f32 by arithmetic
/// of integers: devices of OpenCL need not know the type.
void addHalfWords(Halide::Pipeline &pipeline);

} // namespace halyard

#endif
