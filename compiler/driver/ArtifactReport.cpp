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

const Target *targetOfArtifact(const std::string &folder) {
  llvm::json::Object report;
  RunError none;
  return readReport(folder, report, none) ? lookupTarget(report.getString("target").value_or("")) : nullptr;
}

bool loadsHere(const Target &target) { return target.runsHere() || !target.deviceInterface().empty(); }

bool describeProgram(const std::string &folder, const llvm::json::Object &report, halyard_program &program,
                     RunError &error) {
  const llvm::json::Object *source = report.getObject("source"), *limits = report.getObject("limits");
  const llvm::json::Array *shape = source ? source->getArray("shape") : nullptr;
  std::optional<llvm::StringRef> type = source ? source->getString("type") : std::nullopt;
  if (!limits || !shape || shape->size() > 4 || !type || !report.getString("name")) {
    error = {folder + "/report.json", "does not say what the model reads: compile the model again"};
    return false;
  }
  auto number = [](const llvm::json::Object &object, llvm::StringRef key) {
    return int32_t(object.getInteger(key).value_or(0));
  };
  program = {};
  program.abi = HALYARD_ABI;
  program.flags = source->getBoolean("masked").value_or(false) ? HALYARD_READS_MASK : 0;
  program.name = report.getString("name")->data();
  program.vocabulary = number(report, "vocabulary");
  program.max_source = number(*limits, "max_source");
  program.max_target = number(*limits, "max_target");
  program.max_rows = number(*limits, "max_rows");
  program.slots = number(*limits, "slots");
  program.source_rank = int32_t(shape->size());
  program.source_type = *type == "f32" ? halyard_f32 : *type == "i32" ? halyard_i32 : halyard_i64;
  for (int32_t i = 0; i < 4; ++i)
    program.source_shape[i] = i < program.source_rank ? (*shape)[size_t(i)].getAsInteger().value_or(1) : 1;
  program.source_name = source->getString("name").value_or("").data();
  program.source_vocabulary = number(*source, "vocabulary");
  program.memory_features = number(report, "memory_features");
  return true;
}

} // namespace halyard::driver
