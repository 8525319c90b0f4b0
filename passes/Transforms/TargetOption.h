// The option `target` of passes that ask a target.
#ifndef HALYARD_PASSES_TRANSFORMS_TARGETOPTION_H
#define HALYARD_PASSES_TRANSFORMS_TARGETOPTION_H

#include "mlir/IR/Operation.h"
#include "targets/Common/Target.h"

namespace halyard {

/// The target of a name, or null after an error was emitted at `op`.
inline const Target *targetOrError(llvm::StringRef name, mlir::Operation *op) {
  std::string problem;
  const Target *target = lookupTarget(name, &problem);
  if (!target)
    op->emitError() << problem;
  return target;
}

} // namespace halyard

#endif
