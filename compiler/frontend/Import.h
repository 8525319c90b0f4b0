// The frontend: ONNX files and their configuration into one module of the onnx dialect.
#ifndef HALYARD_COMPILER_FRONTEND_IMPORT_H
#define HALYARD_COMPILER_FRONTEND_IMPORT_H

#include "compiler/frontend/ModelDirectory.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace halyard::onnx {

struct ImportOptions {
  std::string directory; // the model's folder
  NamedFiles files;      // those that are not to be found by their usual names
  std::string name;      // of the program, a C identifier; empty: made from the folder's name
  int64_t maxSource = 0; // largest source length; 0: from the configuration
  int64_t maxTarget = 0; // most decoder rows; 0: from the configuration
};

/// Imports a model: functions `@encoder`, `@decoder` and, if there is one, `@decoder_with_past`, whose
/// arguments and results carry the file's names as `onnx.name`; module attributes `halyard.name`,
/// `halyard.generation` (see Generation.h) and `halyard.limits = {max_source, max_target}`. Extents of the
/// encoder's input that the configuration fixes are static. Large constants point into the mapped files. One
/// located error is emitted on failure.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importModel(mlir::MLIRContext *context,
                                                               const ImportOptions &options);

/// Imports the graph of one file into the module, as a function of the given name.
mlir::FailureOr<mlir::func::FuncOp> importFile(mlir::ModuleOp module, llvm::StringRef path,
                                               llvm::StringRef function);

/// A C++ identifier like the text: other characters become underscores, and keywords end in one.
std::string makeIdentifier(llvm::StringRef text);

} // namespace halyard::onnx

#endif
