// A file of a test's own, removed at its end.
#ifndef HALYARD_TEST_UNIT_DRIVER_TEMPORARYFILE_H
#define HALYARD_TEST_UNIT_DRIVER_TEMPORARYFILE_H

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &name) {
    const testing::TestInfo *test = testing::UnitTest::GetInstance()->current_test_info();
    path = testing::TempDir() + "halyard_" + test->test_suite_name() + "_" + test->name() + "_" + name;
  }
  TemporaryFile(const std::string &name, const std::vector<uint8_t> &contents) : TemporaryFile(name) {
    FILE *file = fopen(path.c_str(), "wb");
    fwrite(contents.data(), 1, contents.size(), file);
    fclose(file);
  }
  TemporaryFile(const TemporaryFile &) = delete;
  ~TemporaryFile() { remove(path.c_str()); }

  std::string path;
};

/// A .npy file of version 1: this header, then these bytes.
inline std::vector<uint8_t> npyBytes(const std::string &header, const void *data, size_t size) {
  std::string text = header + "\n";
  std::vector<uint8_t> bytes = {
      0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, uint8_t(text.size() & 255), uint8_t(text.size() >> 8)};
  bytes.insert(bytes.end(), text.begin(), text.end());
  const uint8_t *from = static_cast<const uint8_t *>(data);
  bytes.insert(bytes.end(), from, from + size);
  return bytes;
}

template <typename T>
std::vector<uint8_t> npyBytes(const std::string &descr, const std::string &shape,
                              const std::vector<T> &values, bool fortran = false) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  return npyBytes(header, values.data(), values.size() * sizeof(T));
}

#endif
