// halyard targets: what can be compiled for.
#include "compiler/driver/Commands.h"
#include "targets/Common/Target.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

int halyard::driver::targetsCommand() {
  for (const Target *target : allTargets())
    llvm::outs() << llvm::left_justify(target->name(), 16) << target->description() << "\n";
  llvm::outs() << llvm::left_justify("host", 16) << "the best of these that this machine is\n";
  llvm::outs().flush();
  return kDone;
}
