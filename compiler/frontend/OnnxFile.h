// Reads an .onnx file into protobuf messages without copying its weights: before protobuf parses the file,
// the large byte fields of tensors are taken out and replaced by external-data entries that give their place
// in the same file.
#ifndef HALYARD_COMPILER_FRONTEND_ONNXFILE_H
#define HALYARD_COMPILER_FRONTEND_ONNXFILE_H

#include "compiler/frontend/MappedFile.h"

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include "llvm/ADT/StringMap.h"

#include <onnx-ml.pb.h>

namespace halyard::onnx {

/// An external-data entry of this key marks a tensor whose bytes lie in the .onnx file itself.
inline constexpr llvm::StringLiteral kInPlaceKey = "halyard.in-place";

/// A parsed file, the mapping it was parsed from, and the external data files opened so far.
class OnnxFile {
public:
  /// Reads the file at `path`. Emits one error, located at the file, if that fails.
  static mlir::FailureOr<std::unique_ptr<OnnxFile>> open(mlir::MLIRContext *context, llvm::StringRef path);

  const ::onnx::ModelProto &model() const { return proto; }
  llvm::StringRef path() const { return filePath; }
  const std::shared_ptr<MappedFile> &mapping() const { return mapped; }

  /// The external data file at `location`, relative to this file's folder. Null on failure, with the reason
  /// in `problem`.
  std::shared_ptr<MappedFile> externalFile(llvm::StringRef location, std::string &problem);

private:
  std::string filePath;
  std::shared_ptr<MappedFile> mapped;
  llvm::StringMap<std::shared_ptr<MappedFile>> external;
  ::onnx::ModelProto proto;
};

/// Location of a file as a whole.
mlir::Location fileLocation(mlir::MLIRContext *context, llvm::StringRef path);

} // namespace halyard::onnx

#endif
