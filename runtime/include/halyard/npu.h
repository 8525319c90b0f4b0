/* Layers that an NPU beside the processor computes. The artifact brings a program for each; the NPU's driver
 * is the system's.
 */
#ifndef HALYARD_NPU_H
#define HALYARD_NPU_H

#include "kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A program for sums[r][o] = sum over k of codes[r][k] weight[o][k]: codes of 8 bits, sums of 32. */
typedef struct halyard_npu_layer {
  const uint8_t *commands; /* as the driver takes them, aligned to 16 bytes */
  uint32_t command_bytes;
  int32_t rows; /* that one run computes */
  int32_t features, outputs;
  uint32_t codes_at, sums_at; /* where they are in the memory of a run */
} halyard_npu_layer;

/* Runs the program until all rows of `codes` [rows][features] have their sums [rows][outputs]; the last run
 * may compute rows that nobody wants. `weights` are those of the program and `memory` is what it works in,
 * both arrays of bytes whose addresses are multiples of 16. Returns 0, halyard_no_device if the driver has no
 * NPU, or halyard_device_failed if a run did not finish. */
int halyard_npu_sums(const halyard_npu_layer *layer, const halyard_buffer *codes,
                     const halyard_buffer *weights, const halyard_buffer *memory, const halyard_buffer *sums);

#ifdef __cplusplus
}
#endif
#endif
