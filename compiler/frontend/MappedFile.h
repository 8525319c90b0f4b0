// A file mapped into memory for reading. Whoever points into it keeps it alive by a shared pointer, so that
// weights are used where they lie and never copied.
#ifndef HALYARD_COMPILER_FRONTEND_MAPPEDFILE_H
#define HALYARD_COMPILER_FRONTEND_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace halyard::onnx {

class MappedFile {
public:
  /// Maps the whole file. Null on failure, with the reason (as by strerror) in `problem`.
  static std::shared_ptr<MappedFile> open(llvm::StringRef path, std::string &problem);
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  llvm::ArrayRef<char> bytes() const { return {data, size}; }

private:
  MappedFile(const char *data, size_t size) : data(data), size(size) {}
  const char *data;
  size_t size;
};

} // namespace halyard::onnx

#endif
