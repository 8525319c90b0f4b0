// The registry of targets.
#include "targets/Common/Target.h"
#include "targets/X86/X86Target.h"

using namespace halyard;

llvm::ArrayRef<const Target *> halyard::allTargets() { return x86Targets(); }

const Target *halyard::lookupTarget(llvm::StringRef name) {
  if (name == "host")
    return hostX86Target();
  for (const Target *target : allTargets())
    if (target->name() == name)
      return target;
  return nullptr;
}
