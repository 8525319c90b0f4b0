/* What generated.h does without a kernel, for memory of a device: copies of rows, each in the order of the
 * kernels around it. The kernels called here come with every program (targets/Gpu/RowKernels.cpp).
 */
#ifndef HALYARD_DEVICE_ROWS_H
#define HALYARD_DEVICE_ROWS_H

#include "device.h"
#include "kernel.h"

extern "C" {
/* rows [count, stride], slot [count], position [count]; then where a row goes: elements from `begin` on are
 * `heads` pieces of `width`, in blocks of `block` rows, of which a slot has `blocks`. */
int halyard_rows_append_f32(halyard_buffer *rows, halyard_buffer *slot, halyard_buffer *position,
                            int32_t begin, int32_t heads, int32_t width, int32_t block, int32_t blocks,
                            halyard_buffer *cache);
int halyard_rows_append_bf16(halyard_buffer *rows, halyard_buffer *slot, halyard_buffer *position,
                             int32_t begin, int32_t heads, int32_t width, int32_t block, int32_t blocks,
                             halyard_buffer *cache);
/* cache [slots, bytes], slot [count], to [count, bytes]. */
int halyard_rows_gather(halyard_buffer *cache, halyard_buffer *slot, halyard_buffer *to);
int halyard_rows_widen(halyard_buffer *from, halyard_buffer *to);
}

namespace halyard::rt {

inline uint64_t bytesOf(const halyard_buffer &array) {
  uint64_t count = static_cast<uint64_t>((array.type.bits + 7) / 8);
  for (int32_t i = 0; i < array.dimensions; ++i)
    count *= static_cast<uint64_t>(array.dim[i].extent);
  return count;
}

inline void copy(const halyard_buffer &from, const halyard_buffer &to) {
  if (to.host)
    halyard_device_copy(to.host, from.host, bytesOf(from));
}

inline void appendRows(const halyard_buffer &rows, const halyard_buffer &cache, const halyard_buffer &slot,
                       const halyard_buffer &position, int32_t begin = 0) {
  auto extent = [&](int32_t outermostFirst) {
    return cache.dim[cache.dimensions - 1 - outermostFirst].extent;
  };
  bool hasBlocks = cache.dimensions == 5;
  int32_t heads = hasBlocks ? extent(2) : 1, block = hasBlocks ? extent(3) : extent(1);
  int32_t width = cache.dim[0].extent, blocks = hasBlocks ? extent(1) : 1;
  int64_t count = rows.dim[rows.dimensions - 1].extent, stride = rows.dim[rows.dimensions - 1].stride;
  int64_t all = cache.dim[cache.dimensions - 1].stride * int64_t(extent(0));
  Tensor<2> from = tensor<float>(rows.host, count, stride);
  Tensor<1> slots = tensor<int32_t>(slot.host, count), positions = tensor<int32_t>(position.host, count);
  if (cache.type.bits == 32) {
    Tensor<1> to = tensor<float>(cache.host, all);
    halyard_rows_append_f32(&from, &slots, &positions, begin, heads, width, block, blocks, &to);
  } else {
    Tensor<1> to = tensor<uint16_t>(cache.host, all);
    halyard_rows_append_bf16(&from, &slots, &positions, begin, heads, width, block, blocks, &to);
  }
}

inline void gatherSlots(const halyard_buffer &cache, const halyard_buffer &slot, const halyard_buffer &to) {
  int64_t slots = cache.dim[cache.dimensions - 1].extent, count = slot.dim[0].extent;
  int64_t bytes = static_cast<int64_t>(bytesOf(cache)) / slots;
  Tensor<2> all = tensor<uint8_t>(cache.host, slots, bytes),
            gathered = tensor<uint8_t>(to.host, count, bytes);
  Tensor<1> index = tensor<int32_t>(slot.host, count);
  halyard_rows_gather(&all, &index, &gathered);
}

inline void widen(const halyard_buffer &from, const halyard_buffer &to) {
  Tensor<1> narrow = tensor<int32_t>(from.host, bytesOf(from) / 4);
  Tensor<1> wide = tensor<int64_t>(to.host, bytesOf(from) / 4);
  halyard_rows_widen(&narrow, &wide);
}

/* `given` is the processor's. */
inline void mask(const void *given, const halyard_buffer &to) {
  constexpr int64_t kAtOnce = 256;
  int64_t part[kAtOnce], width = (to.type.bits + 7) / 8, count = static_cast<int64_t>(bytesOf(to)) / width;
  const uint8_t *bytes = static_cast<const uint8_t *>(given);
  for (int64_t begin = 0; begin < count; begin += kAtOnce) {
    int64_t size = count - begin < kAtOnce ? count - begin : kAtOnce;
    for (int64_t i = 0; i < size; ++i)
      setElement(to.type, part, i, !bytes || bytes[begin + i]);
    halyard_device_upload(to.host + begin * width, part, static_cast<uint64_t>(size * width));
  }
}

inline void write(int32_t value, const halyard_buffer &array, int32_t index) {
  int64_t wide = value;
  uint64_t bytes = array.type.bits / 8; // little-endian: the lower half comes first
  halyard_device_upload(array.host + static_cast<uint64_t>(index) * bytes, &wide, bytes);
}

} // namespace halyard::rt
#endif
