// The reader of .onnx files. Protobuf copies every byte field into a string, which would hold each weight
// twice; so a small walk over the wire format goes first. It copies the messages that lead to tensors field
// by field, leaves out TensorProto.raw_data of 1 KiB and more together with documentation and metadata (half
// of a small file written by torch's exporter is stack traces), and notes where the raw data lies. What
// protobuf parses is then small.
#include "compiler/frontend/OnnxFile.h"

#include "mlir/IR/Diagnostics.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <google/protobuf/wire_format_lite.h>

using namespace mlir;
using namespace halyard::onnx;
using google::protobuf::internal::WireFormatLite;
using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::SparseTensorProto;
using ::onnx::TensorProto;

namespace {

constexpr size_t kLargeBytes = 1024;
constexpr int kMaximumNesting = 100;

/// Messages that lead to tensors, and what else a field of theirs can be.
enum class Kind { model, graph, node, attribute, function, tensor, sparse, verbatim, dropped, rawData };

struct FieldKind {
  Kind message;
  int number;
  Kind field;
};

// Fields that are not listed are copied verbatim.
constexpr FieldKind kFields[] = {
    {Kind::model, ModelProto::kGraphFieldNumber, Kind::graph},
    {Kind::model, ModelProto::kFunctionsFieldNumber, Kind::function},
    {Kind::model, ModelProto::kTrainingInfoFieldNumber, Kind::dropped},
    {Kind::model, ModelProto::kDocStringFieldNumber, Kind::dropped},
    {Kind::model, ModelProto::kMetadataPropsFieldNumber, Kind::dropped},
    {Kind::graph, GraphProto::kNodeFieldNumber, Kind::node},
    {Kind::graph, GraphProto::kInitializerFieldNumber, Kind::tensor},
    {Kind::graph, GraphProto::kSparseInitializerFieldNumber, Kind::sparse},
    {Kind::graph, GraphProto::kValueInfoFieldNumber, Kind::dropped},
    {Kind::graph, GraphProto::kDocStringFieldNumber, Kind::dropped},
    {Kind::graph, GraphProto::kMetadataPropsFieldNumber, Kind::dropped},
    {Kind::node, NodeProto::kAttributeFieldNumber, Kind::attribute},
    {Kind::node, NodeProto::kDocStringFieldNumber, Kind::dropped},
    {Kind::node, NodeProto::kMetadataPropsFieldNumber, Kind::dropped},
    {Kind::attribute, AttributeProto::kTFieldNumber, Kind::tensor},
    {Kind::attribute, AttributeProto::kTensorsFieldNumber, Kind::tensor},
    {Kind::attribute, AttributeProto::kGFieldNumber, Kind::graph},
    {Kind::attribute, AttributeProto::kGraphsFieldNumber, Kind::graph},
    {Kind::attribute, AttributeProto::kSparseTensorFieldNumber, Kind::sparse},
    {Kind::attribute, AttributeProto::kDocStringFieldNumber, Kind::dropped},
    {Kind::function, FunctionProto::kNodeFieldNumber, Kind::node},
    {Kind::function, FunctionProto::kAttributeProtoFieldNumber, Kind::attribute},
    {Kind::function, FunctionProto::kValueInfoFieldNumber, Kind::dropped},
    {Kind::function, FunctionProto::kDocStringFieldNumber, Kind::dropped},
    {Kind::function, FunctionProto::kMetadataPropsFieldNumber, Kind::dropped},
    {Kind::sparse, SparseTensorProto::kValuesFieldNumber, Kind::tensor},
    {Kind::sparse, SparseTensorProto::kIndicesFieldNumber, Kind::tensor},
    {Kind::tensor, TensorProto::kRawDataFieldNumber, Kind::rawData},
    {Kind::tensor, TensorProto::kDocStringFieldNumber, Kind::dropped},
    {Kind::tensor, TensorProto::kMetadataPropsFieldNumber, Kind::dropped},
};

Kind kindOf(Kind message, int number) {
  for (const FieldKind &entry : kFields)
    if (entry.message == message && entry.number == number)
      return entry.field;
  return Kind::verbatim;
}

/// Copies a serialised message from `in` to `out`, large tensor data left out.
class WeightStripper {
public:
  explicit WeightStripper(ArrayRef<char> file) : file(file) {}

  bool run(std::string &out) { return copyMessage(Kind::model, 0, file.size(), out, kMaximumNesting); }
  /// Where reading stopped, in bytes from the start of the file.
  size_t stoppedAt() const { return position; }
  /// How much longer the file would have to be for the graph to end in it; 0 if that is not what is wrong.
  uint64_t missing() const { return missingBytes; }

private:
  bool readVarint(size_t end, uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && position < end; shift += 7) {
      uint8_t byte = file[position++];
      value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return true;
    }
    return false;
  }

  static void writeVarint(uint64_t value, std::string &out) {
    for (; value >= 0x80; value >>= 7)
      out.push_back(char(value | 0x80));
    out.push_back(char(value));
  }

  static void writeBytes(uint64_t tag, StringRef bytes, std::string &out) {
    writeVarint(tag, out);
    writeVarint(bytes.size(), out);
    out.append(bytes.data(), bytes.size());
  }

  bool skipScalar(int wireType, size_t end) {
    uint64_t ignored;
    size_t width = wireType == WireFormatLite::WIRETYPE_FIXED64 ? 8 : 4;
    switch (wireType) {
    case WireFormatLite::WIRETYPE_VARINT:
      return readVarint(end, ignored);
    case WireFormatLite::WIRETYPE_FIXED64:
    case WireFormatLite::WIRETYPE_FIXED32:
      if (end - position < width)
        return false;
      position += width;
      return true;
    default:
      return false; // groups, and what is no wire type
    }
  }

  bool copyMessage(Kind message, size_t begin, size_t end, std::string &out, int depth) {
    position = begin;
    if (depth == 0)
      return false;
    while (position < end) {
      size_t start = position;
      uint64_t tag, length;
      if (!readVarint(end, tag) || tag >> 3 == 0)
        return false;
      if ((tag & 7) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!skipScalar(tag & 7, end))
          return false;
        out.append(file.data() + start, position - start);
        continue;
      }
      if (!readVarint(end, length))
        return false;
      if (length > end - position) {
        if (kindOf(message, tag >> 3) == Kind::graph)
          missingBytes = length - (end - position);
        return false;
      }
      if (!copyField(kindOf(message, tag >> 3), tag, length, out, depth))
        return false;
    }
    return true;
  }

  // A field of `length` bytes at `position`.
  bool copyField(Kind kind, uint64_t tag, size_t length, std::string &out, int depth) {
    size_t begin = position, end = begin + length;
    position = end;
    if (kind == Kind::dropped)
      return true;
    if (kind == Kind::rawData && length >= kLargeBytes) {
      writePlace(begin, length, out);
      return true;
    }
    if (kind == Kind::verbatim || kind == Kind::rawData) {
      writeBytes(tag, StringRef(file.data() + begin, length), out);
      return true;
    }
    std::string inner;
    if (!copyMessage(kind, begin, end, inner, depth - 1))
      return false;
    writeBytes(tag, inner, out);
    return true;
  }

  // In place of raw_data: data_location = EXTERNAL and where the bytes are.
  static void writePlace(size_t begin, size_t length, std::string &out) {
    TensorProto place;
    place.set_data_location(TensorProto::EXTERNAL);
    auto add = [&](StringRef key, std::string value) {
      auto *entry = place.add_external_data();
      entry->set_key(key.str());
      entry->set_value(std::move(value));
    };
    add(kInPlaceKey, "1");
    add("offset", std::to_string(begin));
    add("length", std::to_string(length));
    place.AppendToString(&out);
  }

  ArrayRef<char> file;
  size_t position = 0;
  uint64_t missingBytes = 0;
};

} // namespace

Location halyard::onnx::fileLocation(MLIRContext *context, StringRef path) {
  return FileLineColLoc::get(context, path, 0, 0);
}

static LogicalResult reportBroken(Location loc, const WeightStripper &stripper, size_t bytes) {
  if (stripper.missing()) {
    InFlightDiagnostic error = emitError(loc) << "is truncated: it has " << bytes << " bytes, and at least "
                                              << stripper.missing() << " more were expected";
    error.attachNote() << "copy or download the file again";
    return error;
  }
  InFlightDiagnostic error = emitError(loc) << "is no ONNX model: byte " << stripper.stoppedAt() << " of "
                                            << bytes << " cannot be read as one";
  error.attachNote() << "if it should be one, check it with onnx.checker";
  return error;
}

FailureOr<std::unique_ptr<OnnxFile>> OnnxFile::open(MLIRContext *context, StringRef path) {
  Location loc = fileLocation(context, path);
  auto file = std::make_unique<OnnxFile>();
  file->filePath = path.str();
  std::string problem;
  file->mapped = MappedFile::open(path, problem);
  if (!file->mapped)
    return emitError(loc) << "cannot be read: " << problem;
  ArrayRef<char> bytes = file->mapped->bytes();
  if (bytes.empty())
    return emitError(loc) << "is empty, an ONNX model was expected";
  if (StringRef(bytes.data(), bytes.size()).starts_with("version https://git-lfs")) {
    InFlightDiagnostic error = emitError(loc) << "is a Git LFS pointer, not the model itself";
    error.attachNote() << "fetch the file with 'git lfs pull'";
    return error;
  }
  WeightStripper stripper(bytes);
  std::string stripped;
  if (!stripper.run(stripped) || !file->proto.ParseFromString(stripped))
    return reportBroken(loc, stripper, bytes.size());
  if (!file->proto.has_graph())
    return emitError(loc) << "is no ONNX model: it holds no graph";
  return file;
}

std::shared_ptr<MappedFile> OnnxFile::externalFile(StringRef location, std::string &problem) {
  std::shared_ptr<MappedFile> &known = external[location];
  if (known)
    return known;
  if (llvm::sys::path::is_absolute(location)) {
    problem = "an absolute path is not allowed";
    return nullptr;
  }
  SmallString<128> full(llvm::sys::path::parent_path(filePath));
  llvm::sys::path::append(full, location);
  known = MappedFile::open(full, problem);
  return known;
}
