// halyard targets: what can be compiled for, and what of it can be run here.
#include "compiler/driver/Commands.h"
#include "targets/Common/Target.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>

using namespace halyard;

static bool canLoad(llvm::StringRef library) {
  void *loaded = dlopen(library.str().c_str(), RTLD_LAZY | RTLD_LOCAL);
  return loaded && dlclose(loaded) == 0;
}

/// How artifacts for the target can be verified on this machine.
static std::string verification(const Target &target) {
  if (target.runsHere())
    return "runs here";
  if (llvm::StringRef library = target.deviceLibrary(); !library.empty())
    return canLoad(library) ? ("runs here if " + library + " knows a device").str()
                            : ("compiles, to run it there is no " + library).str();
  Emulator emulator = target.emulator();
  if (emulator.program.empty())
    return "compiles, does not run here";
  if (findEmulator(emulator).empty())
    return ("compiles, no emulator here: install " + emulator.help).str();
  return "runs here by " + emulator.program;
}

/// Where descriptions begin.
constexpr unsigned kColumn = 18;

int halyard::driver::targetsCommand() {
  for (const Target *target : allTargets()) {
    llvm::outs() << llvm::left_justify(target->name(), kColumn) << target->description() << "; "
                 << verification(*target) << "\n";
    for (const TargetOption &option : target->options())
      llvm::outs() << llvm::left_justify(("  +" + option.name).str(), kColumn) << option.description << "\n";
  }
  llvm::outs() << llvm::left_justify("host", kColumn) << "the best of these that this machine is\n";
  llvm::outs().flush();
  return kDone;
}
