// Verifiers of the rt operations: symbols exist, and extents are given exactly where a type leaves them open.
#include "dialects/Runtime/IR/Runtime.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace halyard::rt;

#define GET_OP_CLASSES
#include "dialects/Runtime/IR/RuntimeOps.cpp.inc"

int64_t halyard::rt::bytesOfElement(Type elementType) {
  return (std::max<int64_t>(elementType.getIntOrFloatBitWidth(), 1) + 7) / 8;
}

template <typename Target>
static LogicalResult verifySymbol(Operation *op, FlatSymbolRefAttr name, SymbolTableCollection &tables,
                                  StringRef what) {
  if (tables.lookupNearestSymbolFrom<Target>(op, name))
    return success();
  return op->emitOpError("names the ") << what << " " << name << ", which the program does not have";
}

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifySymbol<func::FuncOp>(*this, getKernelAttr(), tables, "kernel")))
    return failure();
  auto kernel = tables.lookupNearestSymbolFrom<func::FuncOp>(*this, getKernelAttr());
  if (TypeRange(kernel.getArgumentTypes()) != getArguments().getTypes() ||
      TypeRange(kernel.getResultTypes()) != getResultTypes())
    return emitOpError("does not fit its kernel's type ") << kernel.getFunctionType();
  return success();
}

LogicalResult KernelCallOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifySymbol<func::FuncOp>(*this, getKernelAttr(), tables, "kernel")))
    return failure();
  auto kernel = tables.lookupNearestSymbolFrom<func::FuncOp>(*this, getKernelAttr());
  size_t expected = kernel.getNumArguments() + kernel.getNumResults();
  if (getArguments().size() != expected)
    return emitOpError("passes ") << getArguments().size() << " arguments where its kernel takes "
                                  << expected;
  return success();
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifySymbol<ConstantOp>(*this, getConstantAttr(), tables, "constant");
}

LogicalResult ArenaOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifySymbol<RegionOp>(*this, getRegionAttr(), tables, "region");
}
