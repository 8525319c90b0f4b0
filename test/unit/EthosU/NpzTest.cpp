// Archives of arrays: what is there is found, and what is damaged is refused.
#include "targets/EthosU/Npz.h"

#include "gtest/gtest.h"

using namespace halyard;

namespace {

std::string little(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += char(value >> 8 * i);
  return text;
}

std::string npy(const std::string &type, const std::string &elements) {
  std::string description = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (), }\n";
  return std::string("\x93NUMPY\x01\x00", 8) + little(description.size(), 2) + description + elements;
}

/// An archive of files that are not compressed, as NumPy writes them: sizes stand in the directory alone.
std::string archive(const std::vector<std::pair<std::string, std::string>> &files, int method = 0) {
  std::string text, directory;
  for (const auto &[name, contents] : files) {
    directory += little(0x02014b50, 4) + little(0, 6) + little(method, 2) + little(0, 8) +
                 little(contents.size(), 4) + little(contents.size(), 4) + little(name.size(), 2) +
                 little(0, 12) + little(text.size(), 4) + name;
    text += little(0x04034b50, 4) + little(0, 14) + little(~0ull, 4) + little(~0ull, 4) +
            little(name.size(), 2) + little(3, 2) + name + "xyz" + contents;
  }
  return text + directory + little(0x06054b50, 4) + little(0, 4) + little(files.size(), 2) +
         little(files.size(), 2) + little(directory.size(), 4) + little(text.size(), 4) + little(0, 2);
}

TEST(Npz, FindsArrays) {
  std::string bytes = archive({{"a.npy", npy("|S3", "xyz")}, {"number.npy", npy("<i8", little(-7, 8))}});
  std::optional<Npz> npz = Npz::parse(bytes);
  ASSERT_TRUE(npz);
  EXPECT_EQ(npz->contents("a"), llvm::StringRef("xyz"));
  EXPECT_EQ(npz->number("number"), -7);
  EXPECT_FALSE(npz->contents("b"));
  EXPECT_FALSE(npz->number("a"));
}

TEST(Npz, RefusesWhatIsDamaged) {
  std::string bytes = archive({{"a.npy", npy("|S3", "xyz")}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);
    EXPECT_FALSE(Npz::parse(cut)) << size;
  }
  std::string compressed = archive({{"a.npy", npy("|S3", "xyz")}}, /*method=*/8);
  EXPECT_FALSE(Npz::parse(compressed));
  EXPECT_FALSE(Npz::parse("no archive at all, but longer than its end is"));
}

} // namespace
