// Atomic output by renaming.
#include "compiler/driver/OutputDirectory.h"
#include "compiler/driver/Diagnostics.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <cerrno>
#include <csignal>

using namespace mlir;
using namespace halyard::driver;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

bool halyard::driver::isArtifact(StringRef folder) {
  SmallString<128> path(folder);
  path::append(path, "report.json");
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text)
    return false;
  llvm::Expected<llvm::json::Value> report = llvm::json::parse((*text)->getBuffer());
  if (!report) {
    llvm::consumeError(report.takeError());
    return false;
  }
  const llvm::json::Object *object = report->getAsObject();
  return object && object->getString("halyard") == StringRef("artifact");
}

static bool isEmptyFolder(StringRef folder) {
  std::error_code error;
  return fs::directory_iterator(folder, error) == fs::directory_iterator();
}

static constexpr StringLiteral kMark = ".halyard-";

/// Removes what compilations that were killed left beside `final`: folders marked with the id of a process
/// that is gone.
static void removeStale(StringRef parent, StringRef name) {
  std::error_code error;
  std::string prefix = ("." + name + kMark).str();
  for (fs::directory_iterator it(parent, error), end; it != end && !error; it.increment(error)) {
    StringRef entry = path::filename(it->path());
    pid_t process;
    if (entry.consume_front(prefix) && !entry.getAsInteger(10, process) && kill(process, 0) != 0 &&
        errno == ESRCH)
      fs::remove_directories(it->path());
  }
}

LogicalResult OutputDirectory::create(StringRef wanted) {
  SmallString<128> absolute(wanted);
  fs::make_absolute(absolute);
  path::remove_dots(absolute, /*remove_dot_dot=*/true);
  finalPath = std::string(absolute);
  if (fs::exists(absolute)) {
    if (!fs::is_directory(absolute))
      return printError(wanted, "exists and is not a folder; choose another output"), failure();
    if (!isArtifact(absolute) && !isEmptyFolder(absolute))
      return printError(wanted, "exists and is no artifact that could be replaced; choose another output"),
             failure();
  }
  StringRef parent = path::parent_path(finalPath);
  for (StringRef above = parent; !above.empty() && !fs::exists(above); above = path::parent_path(above))
    madeParents.push_back(above.str());
  if (std::error_code error = fs::create_directories(parent))
    return printError(parent, "cannot be created: " + error.message()), failure();
  removeStale(parent, path::filename(finalPath));
  temporaryPath =
      (parent + "/." + path::filename(finalPath) + kMark + Twine(llvm::sys::Process::getProcessId())).str();
  if (std::error_code error = fs::create_directory(temporaryPath, /*IgnoreExisting=*/false, fs::all_all)) {
    printError(wanted, "cannot be written: " + error.message());
    temporaryPath.clear();
    return failure();
  }
  return success();
}

LogicalResult OutputDirectory::commit() {
  std::string old = temporaryPath + ".old";
  bool replaces = fs::exists(finalPath);
  std::error_code error;
  if (replaces)
    error = fs::rename(finalPath, old);
  if (!error)
    error = fs::rename(temporaryPath, finalPath);
  if (error)
    return printError(finalPath, "cannot be written: " + error.message()), failure();
  if (replaces)
    fs::remove_directories(old);
  temporaryPath.clear();
  madeParents.clear();
  return success();
}

OutputDirectory::~OutputDirectory() {
  if (!temporaryPath.empty())
    fs::remove_directories(temporaryPath);
  for (const std::string &parent : madeParents)
    fs::remove(parent);
}
