// Ranks of values while a graph is being imported, before any shape is known. Operators before opset 13 that
// flatten their operand (Softmax and its kin) have a newer form only if their axis is the last one, which the
// rank tells.
#ifndef HALYARD_COMPILER_FRONTEND_RANKS_H
#define HALYARD_COMPILER_FRONTEND_RANKS_H

#include "mlir/IR/Value.h"

#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace halyard::onnx {

class Ranks {
public:
  /// Number of axes of a value, from the operators that made it; nothing if they do not tell.
  std::optional<int64_t> rank(mlir::Value value);

private:
  std::optional<int64_t> rankOfResult(mlir::Operation *op);
  /// Number of elements of a vector that is used as a shape or as axes.
  std::optional<int64_t> elements(mlir::Value vector);
  std::optional<int64_t> largestRank(mlir::OperandRange operands);

  llvm::DenseMap<mlir::Value, std::optional<int64_t>> known;
};

} // namespace halyard::onnx

#endif
