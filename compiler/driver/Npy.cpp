// The .npy format: six bytes of magic, two of version, the header's length, the header (a Python dictionary
// literal with the keys descr, fortran_order and shape), then the elements.
#include "compiler/driver/Npy.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace halyard::driver {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
/// Arrays beyond this are taken for damaged headers.
constexpr uint64_t kMostBytes = uint64_t(1) << 40;

struct TypeEntry {
  NpyType type;
  const char *descr;
  const char *name;
  uint64_t bytes;
};
constexpr TypeEntry kTypes[] = {
    {NpyType::Bool, "|b1", "bool", 1},       {NpyType::Int32, "<i4", "int32", 4},
    {NpyType::Int64, "<i8", "int64", 8},     {NpyType::Float16, "<f2", "float16", 2},
    {NpyType::Float32, "<f4", "float32", 4}, {NpyType::Float64, "<f8", "float64", 8},
};

const TypeEntry &entry(NpyType type) { return kTypes[static_cast<int>(type)]; }

float fromHalf(uint16_t bits) {
  int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  float magnitude = exponent == 0    ? std::ldexp(float(fraction), -24)
                    : exponent == 31 ? (fraction ? NAN : INFINITY)
                                     : std::ldexp(float(fraction + 1024), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/// Reads the header's dictionary: just the Python that NumPy writes there.
class HeaderParser {
public:
  HeaderParser(const char *text, size_t size) : at(text), end(text + size) {}

  bool parse(std::string &descr, bool &fortran, std::vector<int64_t> &shape) {
    int seen = 0;
    if (!take('{'))
      return false;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':'))
        return false;
      bool fine = key == "descr"           ? string(descr)
                  : key == "fortran_order" ? boolean(fortran)
                  : key == "shape"         ? tuple(shape)
                                           : false;
      if (!fine)
        return false;
      seen |= key == "descr" ? 1 : key == "shape" ? 2 : 4;
      if (!take(',') && (at == end || *at != '}'))
        return false;
    }
    skip();
    return at == end && seen == 7;
  }

private:
  void skip() {
    while (at != end && (*at == ' ' || *at == '\n'))
      ++at;
  }
  bool take(char wanted) {
    skip();
    if (at == end || *at != wanted)
      return false;
    ++at;
    skip();
    return true;
  }
  bool word(const char *wanted) {
    size_t length = std::strlen(wanted);
    if (size_t(end - at) < length || std::strncmp(at, wanted, length) != 0)
      return false;
    at += length;
    return true;
  }
  bool string(std::string &value) {
    if (!take('\''))
      return false;
    const char *begin = at;
    while (at != end && *at != '\'')
      ++at;
    value.assign(begin, at);
    return take('\'');
  }
  bool boolean(bool &value) {
    value = word("True");
    return value || word("False");
  }
  bool tuple(std::vector<int64_t> &values) {
    values.clear();
    if (!take('('))
      return false;
    while (!take(')')) {
      int64_t value = 0;
      const char *begin = at;
      for (; at != end && *at >= '0' && *at <= '9'; ++at)
        if (__builtin_mul_overflow(value, int64_t(10), &value) ||
            __builtin_add_overflow(value, int64_t(*at - '0'), &value))
          return false;
      if (at == begin)
        return false;
      values.push_back(value);
      if (!take(',') && (at == end || *at != ')'))
        return false;
    }
    return true;
  }

  const char *at, *end;
};

/// Where the header's text lies in the file; false if the file is no .npy file of a known version or too
/// short.
bool findHeader(const std::vector<uint8_t> &bytes, size_t &begin, size_t &size, std::string &error) {
  if (bytes.size() < kMagicBytes + 2 || std::memcmp(bytes.data(), kMagic, kMagicBytes) != 0) {
    error = "not a .npy file: it does not begin with \\x93NUMPY";
    return false;
  }
  int version = bytes[kMagicBytes];
  if (version < 1 || version > 3) {
    error = "version " + std::to_string(version) + " of the .npy format: expected 1, 2 or 3";
    return false;
  }
  size_t width = version == 1 ? 2 : 4;
  begin = kMagicBytes + 2 + width;
  size = 0;
  for (size_t i = 0; i < width && begin <= bytes.size(); ++i)
    size |= size_t(bytes[kMagicBytes + 2 + i]) << (8 * i);
  if (begin > bytes.size() || size > bytes.size() - begin) {
    error = "truncated: the file ends inside its header";
    return false;
  }
  return true;
}

/// Column-major data to row-major.
std::vector<uint8_t> toRowMajor(const uint8_t *data, const std::vector<int64_t> &shape, uint64_t width,
                                uint64_t bytes) {
  std::vector<uint8_t> result(bytes);
  std::vector<int64_t> index(shape.size(), 0);
  for (uint64_t from = 0; from < bytes; from += width) {
    uint64_t to = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      to = to * uint64_t(shape[d]) + uint64_t(index[d]);
    std::memcpy(&result[to * width], data + from, width);
    for (size_t d = 0; d < shape.size() && ++index[d] == shape[d]; ++d)
      index[d] = 0;
  }
  return result;
}

bool countBytes(const std::vector<int64_t> &shape, uint64_t width, uint64_t &bytes) {
  bytes = width;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(bytes, uint64_t(extent), &bytes) || bytes > kMostBytes)
      return false;
  return true;
}

template <typename T> T load(const std::vector<uint8_t> &data, int64_t index) {
  T value;
  std::memcpy(&value, data.data() + size_t(index) * sizeof(T), sizeof(T));
  return value;
}

} // namespace

int64_t NpyArray::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

double NpyArray::number(int64_t index) const {
  switch (type) {
  case NpyType::Float16:
    return fromHalf(load<uint16_t>(data, index));
  case NpyType::Float32:
    return load<float>(data, index);
  case NpyType::Float64:
    return load<double>(data, index);
  default:
    return double(integer(index));
  }
}

int64_t NpyArray::integer(int64_t index) const {
  switch (type) {
  case NpyType::Bool:
    return load<uint8_t>(data, index) != 0;
  case NpyType::Int32:
    return load<int32_t>(data, index);
  case NpyType::Int64:
    return load<int64_t>(data, index);
  default:
    return int64_t(number(index));
  }
}

const char *typeName(NpyType type) { return entry(type).name; }

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool parseNpy(const std::vector<uint8_t> &bytes, NpyArray &array, std::string &error) {
  size_t begin = 0, size = 0;
  if (!findHeader(bytes, begin, size, error))
    return false;
  std::string descr;
  bool fortran = false;
  HeaderParser header(reinterpret_cast<const char *>(bytes.data()) + begin, size);
  if (!header.parse(descr, fortran, array.shape)) {
    error = "damaged header: expected {'descr': '<f4', 'fortran_order': False, 'shape': (...)}";
    return false;
  }
  const TypeEntry *type = nullptr;
  for (const TypeEntry &candidate : kTypes)
    if (descr == candidate.descr)
      type = &candidate;
  if (!type) {
    error = "elements of type '" + descr +
            "': expected bool, int32, int64, float16, float32 or float64, little-endian";
    return false;
  }
  uint64_t wanted = 0, available = bytes.size() - begin - size;
  if (!countBytes(array.shape, type->bytes, wanted)) {
    error = "absurd shape " + shapeText(array.shape);
    return false;
  }
  if (wanted != available) {
    error = "shape " + shapeText(array.shape) + " of " + type->name + " takes " + std::to_string(wanted) +
            " bytes, but the file has " + std::to_string(available);
    return false;
  }
  const uint8_t *data = bytes.data() + begin + size;
  array.type = type->type;
  array.data = fortran && wanted ? toRowMajor(data, array.shape, type->bytes, wanted)
                                 : std::vector<uint8_t>(data, data + wanted);
  return true;
}

bool readNpy(const std::string &path, NpyArray &array, std::string &error) {
  FILE *file = std::fopen(path.c_str(), "rb");
  if (!file) {
    error = std::string("cannot be read: ") + std::strerror(errno);
    return false;
  }
  std::vector<uint8_t> bytes;
  uint8_t block[1 << 16];
  for (size_t got; (got = std::fread(block, 1, sizeof(block), file)) > 0;)
    bytes.insert(bytes.end(), block, block + got);
  bool failed = std::ferror(file);
  if (failed)
    error = std::string("cannot be read: ") + std::strerror(errno);
  std::fclose(file);
  return !failed && parseNpy(bytes, array, error);
}

bool writeNpy(const std::string &path, const std::vector<int64_t> &shape, const float *values,
              std::string &error) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  uint64_t count = 1;
  for (int64_t extent : shape) {
    header += std::to_string(extent) + ", ";
    count *= uint64_t(extent);
  }
  header += "), }";
  while ((kMagicBytes + 4 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  const uint8_t prefix[] = {1, 0, uint8_t(header.size() & 255), uint8_t(header.size() >> 8)};

  std::string temporary = path + ".part";
  FILE *file = std::fopen(temporary.c_str(), "wb");
  bool fine = file && std::fwrite(kMagic, 1, kMagicBytes, file) == kMagicBytes &&
              std::fwrite(prefix, 1, sizeof(prefix), file) == sizeof(prefix) &&
              std::fwrite(header.data(), 1, header.size(), file) == header.size() &&
              std::fwrite(values, sizeof(float), count, file) == count;
  if (file)
    fine = std::fclose(file) == 0 && fine;
  fine = fine && std::rename(temporary.c_str(), path.c_str()) == 0;
  if (fine)
    return true;
  error = std::string("cannot be written: ") + std::strerror(errno);
  if (file)
    std::remove(temporary.c_str());
  return false;
}

} // namespace halyard::driver
