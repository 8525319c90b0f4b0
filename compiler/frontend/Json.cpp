// JSON without exceptions: a failed parse is parsed once more for the place of the error.
#include "compiler/frontend/Json.h"
#include "compiler/frontend/OnnxFile.h"

#include "mlir/IR/Diagnostics.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
using nlohmann::json;

namespace {

/// Accepts everything and keeps the position of the first error.
struct ErrorFinder : nlohmann::json_sax<json> {
  size_t position = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool string(string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t &) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t where, const std::string &, const nlohmann::detail::exception &) override {
    position = where;
    return false;
  }
};

} // namespace

FailureOr<json> halyard::onnx::readJson(MLIRContext *context, StringRef path) {
  if (!llvm::sys::fs::exists(path))
    return json::object();
  std::string problem;
  std::shared_ptr<MappedFile> file = MappedFile::open(path, problem);
  if (!file)
    return emitError(fileLocation(context, path)) << "cannot be read: " << problem;
  StringRef text(file->bytes().data(), file->bytes().size());
  json value = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    ErrorFinder finder;
    json::sax_parse(text.begin(), text.end(), &finder);
    unsigned line = 1 + text.take_front(finder.position).count('\n');
    return emitError(FileLineColLoc::get(context, path, line, 0)) << "is no valid JSON from here on";
  }
  if (!value.is_object())
    return emitError(fileLocation(context, path)) << "holds no JSON object";
  return value;
}

const json *halyard::onnx::findJson(const json &object, StringRef path) {
  const json *value = &object;
  for (StringRef key : llvm::split(path, '.')) {
    if (!value->is_object())
      return nullptr;
    auto found = value->find(key.str());
    if (found == value->end() || found->is_null())
      return nullptr;
    value = &*found;
  }
  return value;
}

std::optional<int64_t> halyard::onnx::findPositive(const json &object, StringRef path) {
  const json *value = findJson(object, path);
  if (!value || !value->is_number_integer() || value->get<int64_t>() <= 0)
    return std::nullopt;
  return value->get<int64_t>();
}
