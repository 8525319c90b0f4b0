/* What the C++ that Halyard generates is written in: descriptors for kernels and the few row operations that
 * are plain copies. Every function is inline and needs nothing but memcpy, so an artifact depends on no
 * library.
 *
 * Kernels are made by Halide and take `halide_buffer_t *`; `halyard_buffer` has the same layout (compared
 * with Halide's own header by test/unit/Runtime/HalideLayout.h), so that no header of Halide is needed to
 * call them.
 */
#ifndef HALYARD_KERNEL_H
#define HALYARD_KERNEL_H

#include "arena.h"
#include "program.h"

#include <string.h>

extern "C" {

/* halide_type_t; codes are those of halide_type_code_t. */
typedef struct halyard_type {
  uint8_t code; /* 0 signed, 1 unsigned, 2 float, 4 bfloat */
  uint8_t bits; /* 1 for a boolean, which takes a byte */
  uint16_t lanes;
} halyard_type;

/* halide_dimension_t; stride counts elements. */
typedef struct halyard_dimension {
  int32_t min, extent, stride;
  uint32_t flags;
} halyard_dimension;

/* halide_buffer_t. */
typedef struct halyard_buffer {
  uint64_t device;
  const void *device_interface;
  uint8_t *host;
  uint64_t flags;
  halyard_type type;
  int32_t dimensions;
  halyard_dimension *dim; /* innermost first */
  void *padding;
} halyard_buffer;
}

namespace halyard::rt {

template <typename T> struct ElementType;
template <> struct ElementType<bool> {
  static constexpr halyard_type value = {1, 1, 1};
};
template <> struct ElementType<int8_t> {
  static constexpr halyard_type value = {0, 8, 1};
};
template <> struct ElementType<uint8_t> {
  static constexpr halyard_type value = {1, 8, 1};
};
template <> struct ElementType<int16_t> {
  static constexpr halyard_type value = {0, 16, 1};
};
template <> struct ElementType<uint16_t> {
  static constexpr halyard_type value = {1, 16, 1};
};
template <> struct ElementType<int32_t> {
  static constexpr halyard_type value = {0, 32, 1};
};
template <> struct ElementType<uint32_t> {
  static constexpr halyard_type value = {1, 32, 1};
};
template <> struct ElementType<int64_t> {
  static constexpr halyard_type value = {0, 64, 1};
};
template <> struct ElementType<uint64_t> {
  static constexpr halyard_type value = {1, 64, 1};
};
template <> struct ElementType<float> {
  static constexpr halyard_type value = {2, 32, 1};
};
template <> struct ElementType<double> {
  static constexpr halyard_type value = {2, 64, 1};
};
/* Stand-ins for types that C++17 does not have. */
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};
template <> struct ElementType<Half> {
  static constexpr halyard_type value = {2, 16, 1};
};
template <> struct ElementType<BFloat> {
  static constexpr halyard_type value = {4, 16, 1};
};

/* A descriptor of a dense row-major array; extents are given outermost first, as in MLIR's types. It points
 * into itself and is therefore never copied: `Tensor<2> a = tensor<float>(host, rows, 512);` builds it in
 * place, and
 * `&a` is a kernel's argument. */
template <int rank> struct Tensor : halyard_buffer {
  halyard_dimension extents[rank > 0 ? rank : 1];

  template <typename... Extents> Tensor(halyard_type elements, const void *data, Extents... sizes) {
    static_assert(sizeof...(sizes) == rank, "one extent per dimension");
    const int32_t outermostFirst[rank > 0 ? rank : 1] = {static_cast<int32_t>(sizes)...};
    device = reinterpret_cast<uint64_t>(data); // read by kernels of devices only, whose addresses these are
    device_interface = nullptr;
    host = static_cast<uint8_t *>(const_cast<void *>(data));
    flags = 0;
    type = elements;
    dimensions = rank;
    dim = extents;
    padding = nullptr;
    int32_t stride = 1;
    for (int i = 0; i < rank; ++i) {
      extents[i] = {0, outermostFirst[rank - 1 - i], stride, 0};
      stride *= extents[i].extent;
    }
  }
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;

  /* Sets the stride, in elements, of a dimension counted from the outermost. */
  void setStride(int dimension, int32_t elements) { extents[rank - 1 - dimension].stride = elements; }
};

template <typename T, typename... Extents>
Tensor<sizeof...(Extents)> tensor(const void *data, Extents... extents) {
  return Tensor<sizeof...(Extents)>(ElementType<T>::value, data, extents...);
}

/* `offset` bytes into an arena or into weights. */
template <typename T = void> T *at(void *base, uint64_t offset) {
  return reinterpret_cast<T *>(static_cast<uint8_t *>(base) + offset);
}
template <typename T = void> const T *at(const void *base, uint64_t offset) {
  return reinterpret_cast<const T *>(static_cast<const uint8_t *>(base) + offset);
}

} // namespace halyard::rt

extern "C" {

/* A cache or a bound cross value is [slots][slot_rows][row_bytes]. */
static inline uint8_t *halyard_slot(void *cache, int32_t slot_rows, int32_t row_bytes, int32_t slot) {
  return (uint8_t *)cache + (int64_t)slot * slot_rows * row_bytes;
}

/* Writes row i of `data` at (slot[i], position[i]). Rows of `data` begin `data_stride` bytes apart. */
static inline void halyard_append_rows(void *cache, int32_t slot_rows, int32_t row_bytes, int32_t rows,
                                       const int32_t *slot, const int32_t *position, const void *data,
                                       int32_t data_stride) {
  for (int32_t i = 0; i < rows; ++i)
    memcpy(halyard_slot(cache, slot_rows, row_bytes, slot[i]) + (int64_t)position[i] * row_bytes,
           (const uint8_t *)data + (int64_t)i * data_stride, (size_t)row_bytes);
}

/* Writes the first `rows` rows of a slot of a cross value. */
static inline void halyard_store_rows(void *cross, int32_t slot_rows, int32_t row_bytes, int32_t slot,
                                      int32_t rows, const void *data) {
  memcpy(halyard_slot(cross, slot_rows, row_bytes, slot), data, (size_t)((int64_t)rows * row_bytes));
}

/* How many rows of its slot's cache each row sees: positions 0 to its own. */
static inline void halyard_target_lengths(int32_t rows, const int32_t *position, int32_t *lengths) {
  for (int32_t i = 0; i < rows; ++i)
    lengths[i] = position[i] + 1;
}

/* How many rows of its slot's cross values each row sees: all that the slot's source has. */
static inline void halyard_source_lengths(void *arena, int32_t rows, const int32_t *slot, int32_t *lengths) {
  const int32_t *sourceRows = halyard_source_rows(arena);
  for (int32_t i = 0; i < rows; ++i)
    lengths[i] = sourceRows[slot[i]];
}

/* Records how many rows the source of a slot has; encode calls it last. */
static inline void halyard_bind_slot(void *arena, int32_t slot, int32_t source_rows) {
  halyard_source_rows(arena)[slot] = source_rows;
}

/* Recompute mode: keeps a token and gives the text of its slot, positions 0 to `position`. */
static inline const int64_t *halyard_keep_token(void *arena, int32_t slot, int32_t position, int32_t token) {
  int64_t *text = halyard_tokens(arena, slot);
  text[position] = token;
  return text;
}

/* The checks that encode and step make before anything else; 0 or a halyard_status. */
static inline int halyard_check_source(const halyard_program *program, const halyard_source *source) {
  if (source->slot < 0 || source->slot >= program->slots)
    return halyard_bad_slot;
  if (!source->data || source->length < 1 || source->length > program->max_source ||
      program->memory_rows(source->length) < 1)
    return halyard_bad_source;
  if (source->mask && !(program->flags & HALYARD_READS_MASK))
    return halyard_bad_mask;
  if (!program->source_vocabulary)
    return halyard_ok;
  for (int32_t i = 0; i < source->length; ++i) {
    int64_t id = program->source_type == halyard_i64 ? ((const int64_t *)source->data)[i]
                                                     : ((const int32_t *)source->data)[i];
    if (id < 0 || id >= program->source_vocabulary)
      return halyard_bad_source_id;
  }
  return halyard_ok;
}

static inline int halyard_check_encode(const halyard_program *program, void *arena, int32_t count,
                                       const halyard_source *sources) {
  if (!arena || ((halyard_arena *)arena)->magic != HALYARD_ARENA_MAGIC)
    return halyard_bad_memory;
  for (int32_t i = 0; i < count; ++i)
    if (int status = halyard_check_source(program, &sources[i]))
      return status;
  return halyard_ok;
}

/* How many of the sources, from the first on, have at most so many positions together; at least one. */
static inline int32_t halyard_encoded_together(const halyard_source *sources, int32_t count,
                                               int32_t most_positions) {
  int32_t taken = 1;
  for (int32_t positions = sources[0].length; taken < count; ++taken)
    if ((positions += sources[taken].length) > most_positions)
      break;
  return taken;
}

static inline int halyard_check_step(const halyard_program *program, void *arena, int32_t rows,
                                     const int32_t *token, const int32_t *slot, const int32_t *position) {
  if (!arena || ((halyard_arena *)arena)->magic != HALYARD_ARENA_MAGIC)
    return halyard_bad_memory;
  if (rows < 1 || rows > program->max_rows)
    return halyard_bad_rows;
  for (int32_t i = 0; i < rows; ++i) {
    if (token[i] < 0 || token[i] >= program->vocabulary)
      return halyard_bad_token;
    if (slot[i] < 0 || slot[i] >= program->slots || halyard_source_rows(arena)[slot[i]] == 0)
      return halyard_bad_slot;
    if (position[i] < 0 || position[i] >= program->max_target)
      return halyard_bad_position;
  }
  return halyard_ok;
}
}
#endif
