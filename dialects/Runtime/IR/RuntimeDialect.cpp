// Registration of the rt dialect, its types and operations.
#include "dialects/Runtime/IR/Runtime.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard::rt;

#include "dialects/Runtime/IR/RuntimeDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Runtime/IR/RuntimeTypes.cpp.inc"

void RtDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Runtime/IR/RuntimeTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Runtime/IR/RuntimeOps.cpp.inc"
      >();
}
