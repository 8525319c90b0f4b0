// A value is length-only if nothing it is computed from, however far back, is an argument.
#include "passes/Analysis/LengthOnly.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace halyard {

bool LengthOnly::operator()(Value value) const {
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Value current = pending.back();
    if (known.contains(current)) {
      pending.pop_back();
      continue;
    }
    Operation *op = current.getDefiningOp();
    if (!op || op->getNumRegions() != 0 || !isPure(op)) {
      known[current] = false;
      continue;
    }
    bool ready = true, result = true;
    for (Value operand : op->getOperands()) {
      auto found = known.find(operand);
      if (found == known.end()) {
        pending.push_back(operand);
        ready = false;
      } else {
        result &= found->second;
      }
    }
    if (ready)
      known[current] = result;
  }
  return known.lookup(value);
}

} // namespace halyard
