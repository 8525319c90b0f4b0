// Maps files by mmap.
#include "compiler/frontend/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace halyard::onnx;

std::shared_ptr<MappedFile> MappedFile::open(llvm::StringRef path, std::string &problem) {
  int descriptor = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    problem = std::strerror(errno);
    if (descriptor >= 0)
      close(descriptor);
    return nullptr;
  }
  std::shared_ptr<MappedFile> file;
  if (!S_ISREG(status.st_mode)) {
    problem = "not a regular file";
  } else if (status.st_size == 0) { // mmap refuses an empty range
    file.reset(new MappedFile(nullptr, 0));
  } else {
    void *data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
      problem = std::strerror(errno);
    else
      file.reset(new MappedFile(static_cast<const char *>(data), status.st_size));
  }
  close(descriptor); // the mapping stays
  return file;
}

MappedFile::~MappedFile() {
  if (data)
    munmap(const_cast<char *>(data), size);
}
