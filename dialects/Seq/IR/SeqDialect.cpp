// Registration of the seq dialect, its types and operations.
#include "dialects/Seq/IR/Seq.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard::seq;

#include "dialects/Seq/IR/SeqDialect.cpp.inc"
#include "dialects/Seq/IR/SeqEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Seq/IR/SeqTypes.cpp.inc"

void SeqDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Seq/IR/SeqTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Seq/IR/SeqOps.cpp.inc"
      >();
}

Operation *SeqDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
