// Objects kept between compilations; see the header.
#include "compiler/pipelines/emit/ObjectCache.h"
#include "compiler/pipelines/emit/Files.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

namespace fs = llvm::sys::fs;

namespace halyard::emit {

static std::string defaultDirectory() {
  if (const char *home = std::getenv("XDG_CACHE_HOME"); home && llvm::sys::path::is_absolute(home))
    return pathIn(home, "halyard");
  llvm::SmallString<256> home;
  return llvm::sys::path::home_directory(home) ? pathIn(pathIn(home, ".cache"), "halyard") : std::string();
}

ObjectCache::ObjectCache(llvm::StringRef given)
    : directory(given.empty() ? defaultDirectory() : given.str()) {
  if (!directory.empty() && fs::create_directories(directory))
    directory.clear();
}

std::string ObjectCache::pathOf(llvm::StringRef key) const { return pathIn(directory, key + ".o"); }

std::optional<std::string> ObjectCache::find(llvm::StringRef key) const {
  return directory.empty() ? std::nullopt : readFile(pathOf(key));
}

void ObjectCache::keep(llvm::StringRef key, llvm::StringRef contents) const {
  if (directory.empty())
    return;
  int descriptor = -1;
  llvm::SmallString<256> temporary;
  if (fs::createUniqueFile(pathIn(directory, "%%%%%%%%%%%%.tmp"), descriptor, temporary))
    return;
  llvm::raw_fd_ostream file(descriptor, /*shouldClose=*/true);
  file << contents;
  file.close();
  bool complete = !file.has_error();
  file.clear_error();
  if (!complete || fs::rename(temporary, pathOf(key)))
    fs::remove(temporary);
}

} // namespace halyard::emit
