// The runtime's own declarations of what kernels take are those of Halide: layouts where this is compiled
// (HalideLayout.h), types and descriptors when it runs.
#include "HalideLayout.h"

#include <gtest/gtest.h>

namespace {

template <typename T> void expectType() {
  halyard_type ours = halyard::rt::ElementType<T>::value;
  halide_type_t theirs = halide_type_of<T>();
  EXPECT_EQ(ours.code, theirs.code);
  EXPECT_EQ(ours.bits, theirs.bits);
  EXPECT_EQ(ours.lanes, theirs.lanes);
}

TEST(HalideLayout, ElementTypes) {
  expectType<bool>();
  expectType<int8_t>();
  expectType<uint8_t>();
  expectType<int32_t>();
  expectType<int64_t>();
  expectType<uint64_t>();
  expectType<float>();
  expectType<double>();
  EXPECT_EQ(halyard::rt::ElementType<halyard::rt::Half>::value.code, halide_type_float);
  EXPECT_EQ(halyard::rt::ElementType<halyard::rt::BFloat>::value.code, halide_type_bfloat);
}

TEST(HalideLayout, DescriptorsAreRowMajor) {
  float data[24];
  halyard::rt::Tensor<3> tensor = halyard::rt::tensor<float>(data, 2, 3, 4);
  const halide_buffer_t *buffer = reinterpret_cast<const halide_buffer_t *>(&tensor);
  EXPECT_EQ(buffer->dimensions, 3);
  EXPECT_EQ(buffer->dim[0], halide_dimension_t(0, 4, 1));
  EXPECT_EQ(buffer->dim[1], halide_dimension_t(0, 3, 4));
  EXPECT_EQ(buffer->dim[2], halide_dimension_t(0, 2, 12));
  EXPECT_EQ(buffer->host, reinterpret_cast<uint8_t *>(data));
  tensor.setStride(0, 100);
  EXPECT_EQ(buffer->dim[2].stride, 100);
}

} // namespace
