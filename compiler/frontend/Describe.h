// What an ONNX file holds, for people to read.
#ifndef HALYARD_COMPILER_FRONTEND_DESCRIBE_H
#define HALYARD_COMPILER_FRONTEND_DESCRIBE_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"

#include <map>
#include <string>
#include <vector>

namespace halyard::onnx {

struct ValueDescription {
  std::string name;
  std::string elementType;       // "float", "int64", or what kind of value it is instead of a tensor
  std::vector<std::string> dims; // extents, or the names that the file gives them
};

struct FileDescription {
  std::string path;
  uint64_t bytes = 0; // of the file itself, external data apart
  uint64_t weightBytes = 0;
  std::string producer;
  int64_t irVersion = 0;
  std::map<std::string, int64_t> opsets; // version by domain; the standard domain is "ai.onnx"
  std::map<std::string, int64_t>
      operators; // number of nodes by operator, subgraphs and local functions included
  std::vector<ValueDescription> inputs, outputs;
};

/// Reads a file's description, whether or not it could be imported. Emits a located error if it cannot be
/// read.
mlir::FailureOr<FileDescription> describeFile(mlir::MLIRContext *context, llvm::StringRef path);

} // namespace halyard::onnx

#endif
