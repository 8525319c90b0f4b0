// One test of ONNX's own suite: a model of one operator (or of its expansion), inputs and expected outputs.
#ifndef HALYARD_TEST_CONFORMANCE_NODETEST_H
#define HALYARD_TEST_CONFORMANCE_NODETEST_H

#include "targets/Common/Evaluator.h"

#include "mlir/IR/MLIRContext.h"

#include <string>

namespace halyard::conformance {

struct Outcome {
  bool passed = false;
  std::string reason; ///< Why not: the first error, or where results differ.
};

/// Imports, lowers and evaluates the model of a test folder for its first data set. Differences are tolerated
/// up to 1e-7 + 1e-3 * |expected|, as ONNX's own runner does.
///
/// Inputs are arguments of the lowered function. If it cannot be lowered so, integer inputs are made
/// constants of the model: the compiler has to know shapes, axes and conditions, which these tests pass as
/// inputs.
Outcome runNodeTest(mlir::MLIRContext *context, Evaluator &evaluator, const std::string &folder);

} // namespace halyard::conformance

#endif
