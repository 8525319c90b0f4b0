// The machines that artifacts can be compiled for.
#ifndef HALYARD_COMPILER_DRIVER_TARGETS_H
#define HALYARD_COMPILER_DRIVER_TARGETS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace halyard::driver {

struct TargetDescription {
  llvm::StringLiteral name; // as --target takes it
  llvm::StringLiteral text;
};

llvm::ArrayRef<TargetDescription> targetDescriptions();

} // namespace halyard::driver

#endif
