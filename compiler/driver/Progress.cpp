// Shows progress on standard error.
#include "compiler/driver/Progress.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace halyard::driver;

Progress::Progress() : onTerminal(llvm::sys::Process::StandardErrIsDisplayed()) {}

void Progress::step(llvm::StringRef what) {
  if (!onTerminal)
    return;
  llvm::errs() << "\r\033[K" << what << "...";
  shown = true;
}

void Progress::done() {
  if (shown)
    llvm::errs() << "\r\033[K";
  shown = false;
}
