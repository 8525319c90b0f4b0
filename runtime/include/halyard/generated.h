/* What the statements of a generated program call: buffers made from an address and extents, and the few
 * things that are done without a kernel. One function here for each operation of the compiler's rt dialect.
 *
 * A buffer is a dense row-major array (kernel.h). Functions that take `sizes` want the extents of the result,
 * outermost first. Nothing here allocates or fails.
 */
#ifndef HALYARD_GENERATED_H
#define HALYARD_GENERATED_H

#include "kernel.h"

/* A kernel, as it is called, and what the rest of a function is called in profiles. */
#ifdef HALYARD_PROFILE
#include "profile.h"
#else
#define HALYARD_KERNEL(kernel) kernel
#define HALYARD_STAGE(name) static_cast<void>(0)
#endif

namespace halyard::rt {

/* The array `offset` bytes into the arena or the weights. */
template <typename T, typename... Sizes>
Tensor<sizeof...(Sizes)> buffer(const void *base, uint64_t offset, Sizes... sizes) {
  return tensor<T>(at(base, offset), sizes...);
}

/* The memory of `whole` from element `begin` on. */
template <typename T, typename... Sizes>
Tensor<sizeof...(Sizes)> view(const halyard_buffer &whole, int64_t begin, Sizes... sizes) {
  return tensor<T>(whole.host + begin * static_cast<int64_t>(sizeof(T)), sizes...);
}

inline int64_t elementBytes(const halyard_buffer &array) { return (array.type.bits + 7) / 8; }

inline int64_t elements(const halyard_buffer &array) {
  int64_t count = 1;
  for (int32_t i = 0; i < array.dimensions; ++i)
    count *= array.dim[i].extent;
  return count;
}

/* Elements of array[0]. */
inline int64_t blockElements(const halyard_buffer &array) { return array.dim[array.dimensions - 1].stride; }

/* cache[index], or the first part of it. */
template <typename T, typename... Sizes>
Tensor<sizeof...(Sizes)> slot(const halyard_buffer &cache, int64_t index, Sizes... sizes) {
  return view<T>(cache, index * blockElements(cache), sizes...);
}

/* Of the source `index` of an array of halyard_source: its fields, and the positions of all before it. */
inline const halyard_source &sourceAt(const void *sources, int32_t index) {
  return static_cast<const halyard_source *>(sources)[index];
}
inline int32_t sourceSlot(const void *sources, int32_t index) { return sourceAt(sources, index).slot; }
inline int32_t sourceLength(const void *sources, int32_t index) { return sourceAt(sources, index).length; }
inline const void *sourceData(const void *sources, int32_t index) { return sourceAt(sources, index).data; }
inline const void *sourceMask(const void *sources, int32_t index) { return sourceAt(sources, index).mask; }
inline void *sourceMemory(const void *sources, int32_t index) { return sourceAt(sources, index).memory; }
inline int32_t sourceBegin(const void *sources, int32_t index) {
  int32_t begin = 0;
  for (int32_t i = 0; i < index; ++i)
    begin += sourceLength(sources, i);
  return begin;
}

#ifndef HALYARD_DEVICE

/* Copies all of `from`; does nothing if `to` is the caller's null pointer. */
inline void copy(const halyard_buffer &from, const halyard_buffer &to) {
  if (to.host)
    memcpy(to.host, from.host, static_cast<size_t>(elements(from) * elementBytes(from)));
}

/* The bf16 nearest to a value, half to even. */
inline uint16_t toBFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return static_cast<uint16_t>(bits >> 16 | 0x40u); // not a number
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* `count` elements, of rows of f32 rounded to bf16 if the cache's are. */
inline void copyElements(const halyard_buffer &rows, int64_t from, const halyard_buffer &cache, int64_t to,
                         int64_t count) {
  int64_t width = elementBytes(cache);
  if (cache.type.bits == rows.type.bits) {
    memcpy(cache.host + to * width, rows.host + from * width, static_cast<size_t>(count * width));
    return;
  }
  const float *source = reinterpret_cast<const float *>(rows.host) + from;
  uint16_t *target = reinterpret_cast<uint16_t *>(cache.host) + to;
  for (int64_t i = 0; i < count; ++i)
    target[i] = toBFloat(source[i]);
}

/* Where appendRows puts a row of a cache with blocks: extents [slots][blocks][heads] and then [rows][width],
 * [rows / 2][width][2] or, for 16 rows each, [rows / 16][width / 2][16][2]. The last two are of bytes. */
struct BlockedCache {
  const halyard_buffer &cache;
  int32_t heads, rows, width;

  explicit BlockedCache(const halyard_buffer &of)
      : cache(of), heads(extent(2)), rows(extent(3)), width(extent(4)) {
    if (of.dimensions == 6)
      rows *= 2;
    if (of.dimensions == 7)
      rows *= extent(5), width *= 2;
  }

  int32_t extent(int32_t outermostFirst) const {
    return cache.dim[cache.dimensions - 1 - outermostFirst].extent;
  }

  /* Row `position` of one head: `width` elements of `data` from `from` on. */
  void write(const halyard_buffer &data, int64_t from, int32_t slot, int32_t position, int32_t head) const {
    int64_t block = int64_t(slot) * extent(1) + position / rows;
    int64_t piece = (block * heads + head) * rows * width, row = position % rows;
    if (cache.dimensions == 5)
      return copyElements(data, from, cache, piece + row * width, width);
    const uint8_t *codes = data.host + from;
    uint8_t *to = cache.host + piece;
    if (cache.dimensions == 6) {
      to += row / 2 * width * 2 + row % 2;
      for (int32_t i = 0; i < width; ++i)
        to[2 * i] = codes[i];
      return;
    }
    int32_t tile = extent(5);
    to += row / tile * tile * width + row % tile * 2;
    for (int32_t i = 0; i < width; i += 2)
      memcpy(to + i * tile, codes + i, 2);
  }
};

/* cache[slot[r]][position[r]] = rows[r] for every r, of wider rows from element `begin` on. */
inline void appendRows(const halyard_buffer &rows, const halyard_buffer &cache, const halyard_buffer &slot,
                       const halyard_buffer &position, int64_t begin = 0) {
  const int32_t *slots = reinterpret_cast<const int32_t *>(slot.host);
  const int32_t *positions = reinterpret_cast<const int32_t *>(position.host);
  int64_t count = rows.dim[rows.dimensions - 1].extent, stride = blockElements(rows);
  if (cache.dimensions == 3) {
    int64_t width = cache.dim[0].extent, length = cache.dim[1].extent;
    for (int64_t r = 0; r < count; ++r)
      copyElements(rows, r * stride + begin, cache, (slots[r] * length + positions[r]) * width, width);
    return;
  }
  BlockedCache blocks(cache);
  for (int64_t r = 0; r < count; ++r)
    for (int32_t head = 0; head < blocks.heads; ++head)
      blocks.write(rows, r * stride + begin + head * blocks.width, slots[r], positions[r], head);
}

/* to[r] = cache[slot[r]] for every r. */
inline void gatherSlots(const halyard_buffer &cache, const halyard_buffer &slot, const halyard_buffer &to) {
  int64_t count = slot.dim[0].extent, bytes = blockElements(cache) * elementBytes(cache);
  const int32_t *index = reinterpret_cast<const int32_t *>(slot.host);
  for (int64_t row = 0; row < count; ++row)
    memcpy(to.host + row * bytes, cache.host + index[row] * bytes, static_cast<size_t>(bytes));
}

inline void widen(const halyard_buffer &from, const halyard_buffer &to) {
  for (int64_t i = 0, count = elements(from); i < count; ++i)
    reinterpret_cast<int64_t *>(to.host)[i] = reinterpret_cast<const int32_t *>(from.host)[i];
}

#endif

/* Element `index` of an array of numbers. */
inline void setElement(const halyard_type &type, void *array, int64_t index, int32_t value) {
  if (type.code == ElementType<float>::value.code)
    static_cast<float *>(array)[index] = static_cast<float>(value);
  else if (type.bits == 64)
    static_cast<int64_t *>(array)[index] = value;
  else if (type.bits == 32)
    static_cast<int32_t *>(array)[index] = value;
  else
    static_cast<uint8_t *>(array)[index] = static_cast<uint8_t>(value);
}

#ifndef HALYARD_DEVICE

/* The mask of a source, bytes that are 0 or not, as zeros and ones of the array's type; ones if `given` is
 * null. */
inline void mask(const void *given, const halyard_buffer &to) {
  const uint8_t *bytes = static_cast<const uint8_t *>(given);
  for (int64_t i = 0, count = elements(to); i < count; ++i)
    setElement(to.type, to.host, i, !bytes || bytes[i]);
}

inline int32_t read(const halyard_buffer &array, int32_t index) {
  return reinterpret_cast<const int32_t *>(array.host)[index];
}

inline void write(int32_t value, const halyard_buffer &array, int32_t index) {
  setElement(array.type, array.host, index, value);
}

#endif

/* Integer division of extents, rounding down or up also below zero; divisors are positive. */
inline int32_t floorDiv(int32_t value, int32_t by) { return value / by - (value % by < 0); }
inline int32_t ceilDiv(int32_t value, int32_t by) { return value / by + (value % by > 0); }
inline int32_t floorMod(int32_t value, int32_t by) { return value - floorDiv(value, by) * by; }

} // namespace halyard::rt

/* Arrays of a program for a device lie in its memory. */
#ifdef HALYARD_DEVICE
#include "device_rows.h"
#endif
#endif
