// Brings nodes of operator sets 11 to 24 to the newest form, the only one that the onnx dialect has.
#ifndef HALYARD_COMPILER_FRONTEND_OPSETUPGRADE_H
#define HALYARD_COMPILER_FRONTEND_OPSETUPGRADE_H

#include "compiler/frontend/Ranks.h"

#include "mlir/IR/Builders.h"

#include <functional>
#include <string>

namespace halyard::onnx {

/// The operator sets of the standard domain that can be imported.
inline constexpr int64_t kOldestOpset = 11, kNewestOpset = 24;

/// A node about to become an operation.
struct PendingNode {
  mlir::Location loc;
  std::string type;                           // operator, without its domain
  llvm::SmallVector<mlir::Value> inputs = {}; // of type none where the file left one out
  mlir::NamedAttrList attributes = {};
  unsigned outputs = 0;
  /// Applied to the first result, if set: what the newest form no longer does by itself.
  std::function<mlir::Value(mlir::Value)> finish = nullptr;
};

/// Rewrites a node of the standard domain from `opset` to the newest form, building helper operations where
/// the builder stands.
void upgradeNode(PendingNode &node, int64_t opset, mlir::OpBuilder &builder, Ranks &ranks);

} // namespace halyard::onnx

#endif
