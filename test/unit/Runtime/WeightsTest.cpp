// Weights files: mapped, refused when they are not the program's, and verified in full on demand.
#include "halyard/weights.h"
#include "ToyProgram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

namespace {

/// A copy of the toy weights in a file of its own.
class WeightsFile {
public:
  explicit WeightsFile(uint64_t bytes = toy::weights().bytes, int64_t flippedByte = -1) {
    path = testing::TempDir() + "halyard_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
           ".weights";
    const uint8_t *data = static_cast<const uint8_t *>(toy::weights().data);
    std::vector<uint8_t> contents(data, data + bytes);
    if (flippedByte >= 0)
      contents[size_t(flippedByte)] ^= 1;
    FILE *file = fopen(path.c_str(), "wb");
    fwrite(contents.data(), 1, contents.size(), file);
    fclose(file);
    status = halyard_weights_open(&toy::program(), path.c_str(), &weights);
  }
  ~WeightsFile() {
    halyard_weights_close(&weights);
    remove(path.c_str());
  }
  std::string path;
  halyard_weights weights;
  int status;
};

TEST(Weights, AreMapped) {
  WeightsFile file;
  ASSERT_EQ(file.status, halyard_ok);
  EXPECT_EQ(memcmp(file.weights.data, toy::weights().data, toy::weights().bytes), 0);
  EXPECT_EQ(halyard_weights_verify(&toy::program(), &file.weights), halyard_ok);
}

TEST(Weights, TruncatedFilesAreRefused) { EXPECT_EQ(WeightsFile(100).status, halyard_bad_weights); }

TEST(Weights, ForeignHeadersAreRefused) {
  EXPECT_EQ(WeightsFile(128, 0).status, halyard_bad_weights);
  EXPECT_EQ(WeightsFile(128, offsetof(halyard_weights_header, checksum)).status, halyard_bad_weights);
}

TEST(Weights, DamageIsFoundByVerifying) {
  WeightsFile file(128, 90);
  ASSERT_EQ(file.status, halyard_ok);
  EXPECT_EQ(halyard_weights_verify(&toy::program(), &file.weights), halyard_bad_weights);
}

TEST(Weights, MissingFilesAndFoldersCannotBeRead) {
  halyard_weights weights;
  EXPECT_EQ(halyard_weights_open(&toy::program(), "/nonexistent.weights", &weights), halyard_cannot_read);
  EXPECT_EQ(halyard_weights_open(&toy::program(), "/", &weights), halyard_cannot_read);
}

TEST(Weights, MemoryMustBeAligned) {
  halyard_weights weights;
  const uint8_t *data = static_cast<const uint8_t *>(toy::weights().data);
  EXPECT_EQ(halyard_weights_from_memory(&toy::program(), data + 8, 128, &weights), halyard_bad_memory);
  EXPECT_EQ(halyard_weights_from_memory(&toy::program(), data, 127, &weights), halyard_bad_weights);
}

uint64_t checksum(const uint8_t *data, uint64_t bytes, uint64_t first) {
  halyard_checksum sum = halyard_checksum_begin();
  halyard_checksum_add(&sum, data, first);
  halyard_checksum_add(&sum, data + first, bytes - first);
  return halyard_checksum_end(&sum);
}

TEST(Weights, ChecksumsContinue) {
  uint8_t data[192] = {};
  for (int i = 0; i < 150; ++i)
    data[i] = uint8_t(3 * i + 1);
  uint64_t whole = checksum(data, 150, 0);
  EXPECT_EQ(checksum(data, 150, 64), whole);
  EXPECT_EQ(checksum(data, 150, 128), whole);
  EXPECT_EQ(checksum(data, 192, 0), whole); // zeros follow
}

TEST(Weights, ChecksumsSeeEveryByteAndItsPlace) {
  uint8_t data[128] = {};
  for (int i = 0; i < 128; ++i)
    data[i] = uint8_t(i);
  uint64_t whole = checksum(data, 128, 0);
  for (uint8_t &byte : data) {
    byte ^= 0x40;
    EXPECT_NE(checksum(data, 128, 0), whole);
    byte ^= 0x40;
  }
  std::swap_ranges(data, data + 8, data + 8);
  EXPECT_NE(checksum(data, 128, 0), whole);
  std::swap_ranges(data, data + 8, data + 8);
  std::swap_ranges(data, data + 64, data + 64);
  EXPECT_NE(checksum(data, 128, 0), whole);
}

} // namespace
