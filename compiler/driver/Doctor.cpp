// halyard doctor: looks for everything that compiling a model needs on this machine and says what is missing.
#include "compiler/driver/Commands.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <thread>

using namespace halyard::driver;

namespace {

struct Check {
  std::string what, found; // nothing found: empty
  std::string help;
  bool required = true;
};

/// The first program of a list that is on PATH.
std::string findProgram(llvm::ArrayRef<llvm::StringRef> names) {
  for (llvm::StringRef name : names)
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return "";
}

std::string compilerNamedByEnvironment() {
  const char *name = std::getenv("CXX");
  return name ? findProgram({name}) : "";
}

std::string writableTemporaryFolder() {
  llvm::SmallString<64> file;
  if (llvm::sys::fs::createTemporaryFile("halyard", "doctor", file))
    return "";
  llvm::sys::fs::remove(file);
  return llvm::sys::path::parent_path(file).str();
}

std::vector<Check> runChecks() {
  std::string compiler = compilerNamedByEnvironment();
  if (compiler.empty())
    compiler = findProgram({"c++", "g++", "clang++"});
  return {
      {"C++ compiler", compiler, "install g++ or clang++, or name one in the environment variable CXX"},
      {"temporary folder", writableTemporaryFolder(), "set TMPDIR to a folder that can be written"},
      {"cmake", findProgram({"cmake"}), "only needed to build artifacts from their CMakeLists.txt", false},
      {"tosa-opt", findProgram({"tosa-opt"}), "only needed for an Ethos-U: pip install tosa-tools", false},
      {"vela", findProgram({"vela"}), "only needed for an Ethos-U: pip install ethos-u-vela", false}};
}

} // namespace

int halyard::driver::doctorCommand() {
  llvm::outs() << "processor: " << llvm::sys::getHostCPUName() << ", " << std::thread::hardware_concurrency()
               << " threads\n";
  bool good = true;
  for (const Check &check : runChecks()) {
    llvm::outs() << check.what << ": " << (check.found.empty() ? "missing" : check.found) << "\n";
    if (!check.found.empty())
      continue;
    llvm::outs() << "  " << check.help << "\n";
    good &= !check.required;
  }
  llvm::outs() << (good ? "everything needed is there\n" : "");
  llvm::outs().flush();
  if (!good)
    llvm::errs() << "halyard doctor: error: something that compiling needs is missing\n";
  return good ? kDone : kModelError;
}
