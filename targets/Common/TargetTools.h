// What an artifact of a target is built with and run by, on the machine that compiles it.
#ifndef HALYARD_TARGETS_COMMON_TARGETTOOLS_H
#define HALYARD_TARGETS_COMMON_TARGETTOOLS_H

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace halyard {

/// The C++ compiler of an artifact. As it stands: the system's own, or the one that CXX names.
struct BuildTools {
  /// Names to look for on PATH, the first that is there being used; empty for the system's own.
  std::vector<llvm::StringRef> compilers;
  /// What to install if none is there, for the error.
  llvm::StringRef help;
  /// Passed whenever something is compiled.
  std::vector<std::string> flags{"-fPIC", "-pthread"};
  /// Passed when the command line is linked, and libraries at the end of whatever is linked.
  std::vector<std::string> programFlags, libraries{"-pthread", "-lm"};
  /// False if the system of the target has no libraries that programs load.
  bool hasSharedLibraries = true;
  /// True if programs have their weights inside, as there is no file system.
  bool linksWeights = false;
  /// For systems without libraries, threads and files: the folders of runtime/ that stand in for them.
  /// Programs then answer requests (runtime/tool/Image.cpp) instead of a command line.
  std::vector<llvm::StringRef> freestandingFolders;
  bool isFreestanding() const { return !freestandingFolders.empty(); }
  /// The folder of runtime/ with the first instructions of a program and its linker script, where there is a
  /// C library but no operating system; empty elsewhere.
  llvm::StringRef startFolder;
  /// The folder of the runtime that starts kernels on a device, as Target::deviceInterface says.
  std::string deviceInterface;
  /// The folder of the runtime that calls an NPU's driver; empty if there is no NPU.
  llvm::StringRef npuFolder;
  /// What programs need besides and an artifact does not bring; empty if nothing. Then no program is linked.
  llvm::StringRef missingDriver;
  /// The text of a CMake toolchain file that says the same, for users; empty if CMake needs none.
  llvm::StringRef toolchainFile;
};

/// A program that runs those of another machine on this one.
struct Emulator {
  /// Looked for on PATH; empty if there is none.
  std::string program;
  /// What stands between it and the path of the program that it runs.
  std::vector<std::string> arguments;
  /// What to install if it is not there.
  llvm::StringRef help;
  /// The option that gives a program its arguments, as one line; empty if they just follow its path.
  std::string argumentsOption{};
};

/// Where the emulator's program is; empty if there is none or it is not on PATH.
std::string findEmulator(const Emulator &emulator);

} // namespace halyard

#endif
