// What `halyard run` is given, brought to what a program's encoder reads: one source per text, without
// padding unless the encoder reads a mask.
#ifndef HALYARD_COMPILER_DRIVER_RUNINPUTS_H
#define HALYARD_COMPILER_DRIVER_RUNINPUTS_H

#include "compiler/driver/Commands.h"
#include "runtime/include/halyard/program.h"

#include <cstdint>
#include <string>
#include <vector>

namespace halyard::driver {

/// One source: a row-major array of the program's source type and shape.
struct RunSource {
  std::vector<uint8_t> data;
  int32_t length = 0; ///< extent of the source's dynamic axis, 1 if it has none
  /// One byte for each position, 0 for padding; empty if there is none.
  std::vector<uint8_t> mask;

  const uint8_t *maskData() const { return mask.empty() ? nullptr : mask.data(); }
};

/// A message for the user: `where` names a file or an option.
struct RunError {
  std::string where;
  std::string what;
  ExitStatus status = kModelError;
};

/// "1,2,3" to numbers within int32; false if the list is empty or anything else stands in it.
bool parseIds(const std::string &list, std::vector<int64_t> &ids);

/// Reads --ids or --input into one source per text. Positions at which `attention_mask` is 0 are left out, or
/// masked where the program's encoder reads masks.
bool readSources(const RunOptions &options, const halyard_program &program, std::vector<RunSource> &sources,
                 RunError &error);

} // namespace halyard::driver

#endif
