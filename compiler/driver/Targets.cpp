// halyard targets: what can be compiled for.
#include "compiler/driver/Targets.h"
#include "compiler/driver/Commands.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace halyard::driver;

llvm::ArrayRef<TargetDescription> halyard::driver::targetDescriptions() {
  static constexpr TargetDescription targets[] = {
      {"x86-64", "64-bit x86 processors, kernels as object files"}};
  return targets;
}

int halyard::driver::targetsCommand() {
  for (const TargetDescription &target : targetDescriptions())
    llvm::outs() << llvm::left_justify(target.name, 12) << target.text << "\n";
  llvm::outs().flush();
  return kDone;
}
