// Progress of long work: one line that is rewritten, on a terminal; nothing in a pipe.
#ifndef HALYARD_COMPILER_DRIVER_PROGRESS_H
#define HALYARD_COMPILER_DRIVER_PROGRESS_H

#include "llvm/ADT/StringRef.h"

namespace halyard::driver {

class Progress {
public:
  Progress();
  ~Progress() { done(); }
  /// Shows what is being done now.
  void step(llvm::StringRef what);
  /// Clears the line.
  void done();

private:
  bool onTerminal, shown = false;
};

} // namespace halyard::driver

#endif
