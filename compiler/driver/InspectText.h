// JSON as indented text for people.
#ifndef HALYARD_COMPILER_DRIVER_INSPECTTEXT_H
#define HALYARD_COMPILER_DRIVER_INSPECTTEXT_H

#include "llvm/Support/JSON.h"

namespace halyard::driver {

/// Prints one line per value, named by its key; what lies deeper is indented, short lists stay on one line.
void printText(const llvm::json::Value &value, llvm::raw_ostream &out);

} // namespace halyard::driver

#endif
