// Small helpers for the files of an artifact; see the header.
#include "compiler/pipelines/emit/Files.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard::emit {

std::string pathIn(StringRef folder, const Twine &name) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, name);
  return std::string(path);
}

LogicalResult writeFile(Location location, StringRef path, StringRef contents) {
  std::error_code error =
      llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path), true, llvm::sys::fs::all_all);
  if (!error) {
    llvm::raw_fd_ostream file(path, error, llvm::sys::fs::OF_None);
    if (!error) {
      file << contents;
      file.close();
      error = file.error();
      file.clear_error();
    }
  }
  if (error)
    return emitError(location) << path << ": cannot be written: " << error.message();
  return success();
}

std::optional<std::string> readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return buffer ? std::optional((*buffer)->getBuffer().str()) : std::nullopt;
}

std::string contentHash(ArrayRef<StringRef> parts) {
  llvm::SHA256 hash;
  for (StringRef part : parts) {
    uint64_t size = part.size();
    hash.update(StringRef(reinterpret_cast<const char *>(&size), sizeof(size)));
    hash.update(part);
  }
  return llvm::toHex(llvm::ArrayRef<uint8_t>(hash.final()).take_front(16), /*LowerCase=*/true);
}

} // namespace halyard::emit
