// Reading and writing .npy files, and what is said about bad ones.
#include "compiler/driver/Npy.h"
#include "TemporaryFile.h"

#include <cmath>

using namespace halyard::driver;

namespace {

NpyArray parse(const std::vector<uint8_t> &bytes) {
  NpyArray array;
  std::string error;
  EXPECT_TRUE(parseNpy(bytes, array, error)) << error;
  return array;
}

std::string errorOf(const std::vector<uint8_t> &bytes) {
  NpyArray array;
  std::string error;
  EXPECT_FALSE(parseNpy(bytes, array, error));
  return error;
}

std::vector<double> numbers(const NpyArray &array) {
  std::vector<double> values;
  for (int64_t i = 0; i < array.elements(); ++i)
    values.push_back(array.number(i));
  return values;
}

TEST(Npy, ReadsEveryType) {
  std::vector<double> wanted = {0, 1, -2};
  EXPECT_EQ(numbers(parse(npyBytes<int32_t>("<i4", "(3,)", {0, 1, -2}))), wanted);
  EXPECT_EQ(numbers(parse(npyBytes<int64_t>("<i8", "(3,)", {0, 1, -2}))), wanted);
  EXPECT_EQ(numbers(parse(npyBytes<float>("<f4", "(3,)", {0, 1, -2}))), wanted);
  EXPECT_EQ(numbers(parse(npyBytes<double>("<f8", "(3,)", {0, 1, -2}))), wanted);
  EXPECT_EQ(numbers(parse(npyBytes<uint16_t>("<f2", "(3,)", {0, 0x3c00, 0xc000}))), wanted);
  EXPECT_EQ(numbers(parse(npyBytes<uint8_t>("|b1", "(3,)", {0, 1, 1}))), (std::vector<double>{0, 1, 1}));
}

TEST(Npy, ReadsHalfPrecisionCompletely) {
  std::vector<double> values =
      numbers(parse(npyBytes<uint16_t>("<f2", "(5,)", {0x0001, 0x03ff, 0x7bff, 0xfc00, 0x7e00})));
  EXPECT_EQ(values[0], std::ldexp(1.0, -24));
  EXPECT_EQ(values[1], std::ldexp(1023.0, -24));
  EXPECT_EQ(values[2], 65504);
  EXPECT_EQ(values[3], -INFINITY);
  EXPECT_TRUE(std::isnan(values[4]));
}

TEST(Npy, BringsColumnMajorDataIntoRowMajorOrder) {
  NpyArray array = parse(npyBytes<int32_t>("<i4", "(2, 3)", {11, 21, 12, 22, 13, 23}, true));
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(numbers(array), (std::vector<double>{11, 12, 13, 21, 22, 23}));
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  EXPECT_EQ(numbers(parse(npyBytes<float>("<f4", "()", {2.5f}))), (std::vector<double>{2.5}));
  EXPECT_EQ(parse(npyBytes<float>("<f4", "(0, 7)", {})).elements(), 0);
}

TEST(Npy, WritesWhatItReads) {
  TemporaryFile file("a.npy");
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  std::string error;
  ASSERT_TRUE(writeNpy(file.path, {1, 2, 3}, values.data(), error)) << error;
  NpyArray array;
  ASSERT_TRUE(readNpy(file.path, array, error)) << error;
  EXPECT_EQ(array.type, NpyType::Float32);
  EXPECT_EQ(array.shape, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(numbers(array), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, SaysWhatIsWrong) {
  std::vector<uint8_t> good = npyBytes<float>("<f4", "(2,)", {1, 2});
  EXPECT_EQ(errorOf({}), "not a .npy file: it does not begin with \\x93NUMPY");
  EXPECT_EQ(errorOf({'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0}),
            "not a .npy file: it does not begin with \\x93NUMPY");
  EXPECT_EQ(errorOf({good.begin(), good.begin() + 30}), "truncated: the file ends inside its header");
  EXPECT_EQ(errorOf({good.begin(), good.begin() + 9}), "truncated: the file ends inside its header");
  EXPECT_EQ(errorOf({good.begin(), good.end() - 3}),
            "shape [2] of float32 takes 8 bytes, but the file has 5");
  std::vector<uint8_t> version = good;
  version[6] = 9;
  EXPECT_EQ(errorOf(version), "version 9 of the .npy format: expected 1, 2 or 3");
  EXPECT_EQ(
      errorOf(npyBytes<float>(">f4", "(1,)", {1})),
      "elements of type '>f4': expected bool, int32, int64, float16, float32 or float64, little-endian");
  EXPECT_EQ(errorOf(npyBytes<float>("<f4", "(9223372036854775807, 9223372036854775807)", {1})),
            "absurd shape [9223372036854775807, 9223372036854775807]");
}

TEST(Npy, RefusesDamagedHeaders) {
  const std::string message =
      "damaged header: expected {'descr': '<f4', 'fortran_order': False, 'shape': (...)}";
  for (const char *header :
       {"", "{", "{'descr': '<f4'}", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 'other': 2}"})
    EXPECT_EQ(errorOf(npyBytes(header, "abcd", 4)), message) << header;
}

TEST(Npy, MissingFilesAndUnwritableFolders) {
  NpyArray array;
  std::string error;
  EXPECT_FALSE(readNpy("/nonexistent/a.npy", array, error));
  EXPECT_EQ(error, "cannot be read: No such file or directory");
  float value = 1;
  EXPECT_FALSE(writeNpy("/nonexistent/a.npy", {1}, &value, error));
  EXPECT_EQ(error, "cannot be written: No such file or directory");
}

} // namespace
