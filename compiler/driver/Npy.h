// NumPy's .npy files: arrays in, arrays out. Files come from users, so nothing in them is trusted: every
// field is checked before it is used, and an error says what was expected and what the file has.
#ifndef HALYARD_COMPILER_DRIVER_NPY_H
#define HALYARD_COMPILER_DRIVER_NPY_H

#include <cstdint>
#include <string>
#include <vector>

namespace halyard::driver {

enum class NpyType { Bool, Int32, Int64, Float16, Float32, Float64 };

/// A dense array in row-major order, whatever order the file had.
struct NpyArray {
  NpyType type = NpyType::Float32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;

  int64_t elements() const;
  bool isFloat() const { return type >= NpyType::Float16; }
  /// Element `index` in row-major order; a float is cut to an integer.
  int64_t integer(int64_t index) const;
  double number(int64_t index) const;
};

/// "int64", ...
const char *typeName(NpyType type);
/// "[2, 3]"
std::string shapeText(const std::vector<int64_t> &shape);

/// Reads a little-endian array of one of the types above. On failure returns false and sets `error`, which
/// does not repeat the path.
bool readNpy(const std::string &path, NpyArray &array, std::string &error);

/// The same for the contents of a file.
bool parseNpy(const std::vector<uint8_t> &bytes, NpyArray &array, std::string &error);

/// Writes float32 values, one per element of `shape`. The file appears under its name only when it is
/// complete.
bool writeNpy(const std::string &path, const std::vector<int64_t> &shape, const float *values,
              std::string &error);

} // namespace halyard::driver

#endif
