// Reads report.json; see the header.
#include "compiler/driver/ArtifactReport.h"

#include "llvm/Support/MemoryBuffer.h"

namespace halyard::driver {

bool readReport(const std::string &folder, llvm::json::Object &report, RunError &error) {
  error.where = folder + "/report.json";
  auto file = llvm::MemoryBuffer::getFile(error.where);
  if (!file) {
    error.what = "cannot be read: " + file.getError().message();
    return false;
  }
  llvm::Expected<llvm::json::Value> value = llvm::json::parse((*file)->getBuffer());
  if (!value) {
    error.what = llvm::toString(value.takeError());
    return false;
  }
  llvm::json::Object *object = value->getAsObject();
  if (!object) {
    error.what = "expected an object";
    return false;
  }
  report = std::move(*object);
  return true;
}

} // namespace halyard::driver
