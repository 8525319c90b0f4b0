// Finds an artifact's library by its file name, which also names the symbols inside.
#include "compiler/driver/RunArtifact.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <dlfcn.h>

namespace halyard::driver {
namespace {

bool fail(RunError &error, const std::string &where, const std::string &what) {
  error = {where, what, kModelError};
  return false;
}

/// The NAMEs of all files libNAME.so in a folder.
std::vector<std::string> findLibraries(const std::string &folder, std::error_code &failure) {
  std::vector<std::string> names;
  for (llvm::sys::fs::directory_iterator at(folder, failure), end; at != end && !failure;
       at.increment(failure)) {
    llvm::StringRef file = llvm::sys::path::filename(at->path());
    if (file.consume_front("lib") && file.consume_back(".so") && !file.empty())
      names.push_back(file.str());
  }
  return names;
}

} // namespace

RunArtifact::~RunArtifact() {
  halyard_weights_close(&mapped);
  if (!handle)
    return;
  if (auto *stop = find<void()>("halyard_threads_stop"))
    stop();
  dlclose(handle);
}

bool RunArtifact::open(const std::string &path, RunError &error, Check check, const std::string &library) {
  llvm::SmallString<256> folder(path);
  if (std::error_code failure = llvm::sys::fs::make_absolute(folder))
    return fail(error, path, failure.message());
  std::error_code failure;
  std::vector<std::string> names = findLibraries(folder.str().str(), failure);
  if (failure)
    return fail(error, path, "no artifact can be read here: " + failure.message());
  if (names.size() != 1)
    return fail(error, path,
                names.empty() ? "not an artifact of 'halyard compile': expected one file libNAME.so in it"
                              : "expected one file libNAME.so, found " + std::to_string(names.size()));
  std::string base = folder.str().str() + "/";
  if (!load(library.empty() ? base + "lib" + names.front() + ".so" : library, names.front(), error))
    return false;
  std::string weights = base + names.front() + ".weights";
  halyard_error problem = {halyard_weights_open(loaded, weights.c_str(), &mapped), -1, 0, 0};
  if (!problem.status && check == Check::contents)
    problem.status = halyard_weights_verify(loaded, &mapped);
  if (!problem.status)
    return true;
  char words[200];
  return fail(error, weights, halyard_describe(&problem, words, sizeof(words)));
}

bool RunArtifact::load(const std::string &library, const std::string &name, RunError &error) {
  handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(error, library, std::string("cannot be loaded: ") + dlerror());
  std::string symbol = name + "_program";
  loaded = static_cast<const halyard_program *>(dlsym(handle, symbol.c_str()));
  if (!loaded)
    return fail(error, library, "no compiled model: symbol '" + symbol + "' is missing");
  if (loaded->abi != HALYARD_ABI)
    return fail(error, library,
                "compiled by another version of halyard (interface " + std::to_string(loaded->abi) +
                    ", expected " + std::to_string(HALYARD_ABI) + "): compile the model again");
  return true;
}

void *RunArtifact::symbol(const char *name) const { return dlsym(handle, name); }

bool RunArtifact::startThreads(int64_t threads, bool pin) {
  auto *start = find<int32_t(int32_t)>("halyard_threads_start");
  if (start)
    start(int32_t(threads));
  auto *tie = find<int32_t()>("halyard_threads_pin");
  return !pin || (tie && tie() == 0);
}

int32_t RunArtifact::threads() const {
  auto *count = find<int32_t()>("halyard_threads_count");
  return count ? count() : 1;
}

void RunArtifact::runOnThreads(int32_t (*task)(void *, int32_t), void *context, int32_t count) const {
  if (auto *run = find<int32_t(int32_t (*)(void *, int32_t), void *, int32_t)>("halyard_threads_run"))
    run(task, context, count);
  else
    for (int32_t i = 0; i < count; ++i)
      task(context, i);
}

} // namespace halyard::driver
