// Evaluation of single onnx operations, see ConstantFolder.h.
//
// The operation is put into a function of its own and lowered. Small integer operands (axes, shapes, pads) go
// into the function as constants, because the lowering has to know them; others become arguments, so that one
// lowered function serves all operands of a type.
#include "passes/Transforms/ConstantFolder.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Conversion/OnnxHostOps.h"
#include "passes/Conversion/OnnxToLinalg.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Threading.h"

using namespace mlir;
using namespace halyard;

ConstantFolder::ConstantFolder(MLIRContext *context) : context(context), evaluator(context) {
  registerOnnxHostOps(evaluator);
}

/// Whether the operand steers the operation rather than being data.
static bool isParameter(ElementsAttr operand) {
  constexpr int64_t fewElements = 64;
  return isa<DenseElementsAttr>(operand) && isa<IntegerType>(operand.getElementType()) &&
         operand.getNumElements() <= fewElements;
}

static std::string keyOf(Operation *op, ArrayRef<ElementsAttr> operands, TypeRange resultTypes) {
  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << op->getName() << op->getAttrDictionary();
  for (ElementsAttr operand : operands) {
    if (!operand)
      stream << " none";
    else if (isParameter(operand))
      stream << " " << operand;
    else
      stream << " " << operand.getType();
  }
  llvm::interleaveComma(resultTypes, stream << " -> ");
  return key;
}

ConstantFolder::Lowered &ConstantFolder::lowered(Operation *op, ArrayRef<ElementsAttr> operands,
                                                 TypeRange resultTypes) {
  auto [entry, isNew] = functions.try_emplace(keyOf(op, operands, resultTypes));
  Lowered &found = entry->second;
  if (!isNew)
    return found;
  Location loc = op->getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder(module->getBodyRegion());
  SmallVector<Type> argumentTypes;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    if (!operand || isParameter(operand))
      continue;
    found.arguments.push_back(index);
    argumentTypes.push_back(operand.getType());
  }
  auto func = func::FuncOp::create(builder, loc, "fold", builder.getFunctionType(argumentTypes, resultTypes));
  builder.setInsertionPointToStart(func.addEntryBlock());
  SmallVector<Value> values;
  unsigned next = 0;
  for (ElementsAttr operand : operands) {
    if (!operand)
      values.push_back(onnx::NoneOp::create(builder, loc, builder.getNoneType()));
    else if (isParameter(operand))
      values.push_back(onnx::ConstantOp::create(builder, loc, operand.getShapedType(), operand));
    else
      values.push_back(func.getArgument(next++));
  }
  Operation *copy = builder.clone(*op);
  copy->setOperands(values);
  for (auto [result, type] : llvm::zip(copy->getResults(), resultTypes))
    result.setType(type);
  func::ReturnOp::create(builder, loc, copy->getResults());
  if (succeeded(lowerOnnxToLinalg(*module)))
    found.module = std::move(module);
  return found;
}

FailureOr<SmallVector<ElementsAttr>> ConstantFolder::evaluate(Operation *op, ArrayRef<ElementsAttr> operands,
                                                              TypeRange resultTypes) {
  // What cannot be folded stays, and is reported where it has to be lowered. Other threads' diagnostics pass.
  uint64_t thread = llvm::get_threadid();
  ScopedDiagnosticHandler silence(context,
                                  [&](Diagnostic &) { return success(llvm::get_threadid() == thread); });
  Lowered &function = lowered(op, operands, resultTypes);
  if (!function.module)
    return failure();
  SmallVector<HostTensor> arguments;
  for (unsigned index : function.arguments)
    arguments.push_back(fromAttribute(operands[index]));
  auto func = cast<func::FuncOp>(function.module->getBody()->front());
  FailureOr<SmallVector<HostTensor>> results = evaluator.run(func, arguments, /*source=*/1, /*target=*/1);
  if (failed(results))
    return failure();
  SmallVector<ElementsAttr> attributes;
  for (const HostTensor &result : *results)
    attributes.push_back(toAttribute(result));
  return attributes;
}
