// An archive is a ZIP file: the directory is at its end and says where each file is. A file is a magic word,
// the length of a description in Python's syntax, the description and the elements.
#include "targets/EthosU/Npz.h"

#include "llvm/Support/Endian.h"

using namespace llvm;
using support::endian::read16le;
using support::endian::read32le;
using support::endian::read64le;

namespace halyard {

namespace {

constexpr uint32_t kEndOfDirectory = 0x06054b50, kEntry = 0x02014b50, kFile = 0x04034b50;
constexpr size_t kEndBytes = 22, kEntryBytes = 46, kFileBytes = 30;

/// `count` bytes from `at` on, or none if there are fewer.
StringRef part(StringRef bytes, size_t at, size_t count) {
  return at <= bytes.size() && count <= bytes.size() - at ? bytes.substr(at, count) : StringRef();
}

/// What follows the header of the file at an offset.
StringRef fileAt(StringRef archive, size_t at, size_t bytes) {
  StringRef header = part(archive, at, kFileBytes);
  if (header.empty() || read32le(header.data()) != kFile)
    return {};
  return part(archive, at + kFileBytes + read16le(header.data() + 26) + read16le(header.data() + 28), bytes);
}

} // namespace

std::optional<Npz> Npz::parse(StringRef bytes) {
  StringRef end = bytes.take_back(kEndBytes); // no comment follows it
  if (end.size() != kEndBytes || read32le(end.data()) != kEndOfDirectory)
    return std::nullopt;
  Npz archive;
  size_t at = read32le(end.data() + 16);
  for (unsigned left = read16le(end.data() + 10); left; --left) {
    StringRef entry = part(bytes, at, kEntryBytes);
    if (entry.empty() || read32le(entry.data()) != kEntry ||
        read16le(entry.data() + 10) != 0) // 0: not compressed
      return std::nullopt;
    StringRef name = part(bytes, at + kEntryBytes, read16le(entry.data() + 28));
    StringRef file = fileAt(bytes, read32le(entry.data() + 42), read32le(entry.data() + 24));
    if (!name.consume_back(".npy") || file.empty())
      return std::nullopt;
    archive.files[name] = file;
    at +=
        kEntryBytes + read16le(entry.data() + 28) + read16le(entry.data() + 30) + read16le(entry.data() + 32);
  }
  return archive;
}

/// The description and the elements.
static std::pair<StringRef, StringRef> split(StringRef file) {
  if (file.size() < 10 || !file.starts_with("\x93NUMPY") || file[6] != 1)
    return {};
  size_t length = read16le(file.data() + 8);
  return {part(file, 10, length), file.drop_front(std::min(file.size(), 10 + length))};
}

std::optional<StringRef> Npz::contents(StringRef array) const {
  auto file = files.find(array);
  auto [description, elements] =
      file == files.end() ? std::pair<StringRef, StringRef>() : split(file->second);
  return description.empty() ? std::nullopt : std::optional(elements);
}

std::optional<int64_t> Npz::number(StringRef array) const {
  auto file = files.find(array);
  auto [description, elements] =
      file == files.end() ? std::pair<StringRef, StringRef>() : split(file->second);
  if (!description.contains("'<i8'") || elements.size() != 8)
    return std::nullopt;
  return int64_t(read64le(elements.data()));
}

} // namespace halyard
