// Runs of an Ethos-U: codes are put where the commands read them, and sums fetched from where they leave
// them.
#include "halyard/npu.h"
#include "Driver.h"

/// Regions as Vela numbers them.
enum Region { kWeights, kMemory, kRegions };

int halyard_npu_sums(const halyard_npu_layer *layer, const halyard_buffer *codes,
                     const halyard_buffer *weights, const halyard_buffer *memory,
                     const halyard_buffer *sums) {
  ethosu_driver *driver = ethosu_reserve_driver();
  if (!driver)
    return halyard_no_device;
  const size_t bytes[kRegions] = {size_t(weights->dim[0].extent), size_t(memory->dim[0].extent)};
  const size_t rowOfCodes = size_t(layer->features), rowOfSums = size_t(layer->outputs) * sizeof(int32_t);
  int status = 0;
  for (int32_t row = 0, all = codes->dim[1].extent; row < all && !status; row += layer->rows) {
    const size_t count = size_t(all - row < layer->rows ? all - row : layer->rows);
    memcpy(memory->host + layer->codes_at, codes->host + size_t(row) * rowOfCodes, count * rowOfCodes);
    uint64_t bases[kRegions] = {reinterpret_cast<uintptr_t>(weights->host),
                                reinterpret_cast<uintptr_t>(memory->host)};
    if (ethosu_invoke_v3(driver, layer->commands, int(layer->command_bytes), bases, bytes, kRegions, nullptr))
      status = halyard_device_failed;
    else
      memcpy(sums->host + size_t(row) * rowOfSums, memory->host + layer->sums_at, count * rowOfSums);
  }
  ethosu_release_driver(driver);
  return status;
}
