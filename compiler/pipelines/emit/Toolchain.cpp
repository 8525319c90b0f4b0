// The C++ compiler of a target; see the header.
#include "compiler/pipelines/emit/Toolchain.h"
#include "compiler/pipelines/emit/Files.h"
#include "targets/Common/Process.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Program.h"

#include <cstdlib>

using namespace mlir;

namespace halyard::emit {

FailureOr<Toolchain> Toolchain::find(Location location, const BuildTools &tools) {
  const char *chosen = tools.compilers.empty() ? std::getenv("CXX") : nullptr;
  SmallVector<StringRef> words; // CXX may hold a launcher before the compiler, or options after it
  StringRef(chosen ? chosen : "").split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  SmallVector<StringRef> names{"c++", "g++", "clang++"};
  StringRef help = "install g++ or clang, or name one in CXX";
  if (!tools.compilers.empty()) {
    names.assign(tools.compilers.begin(), tools.compilers.end());
    help = tools.help;
  }
  if (!words.empty())
    names = {words.front()};
  for (StringRef name : names) {
    llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name);
    if (!path)
      continue;
    Toolchain toolchain(location, *path);
    for (StringRef word : ArrayRef(words).drop_front(words.empty() ? 0 : 1))
      toolchain.options.push_back(word.str());
    if (succeeded(toolchain.run({"--version"}, "asking for its version", &toolchain.version)))
      return toolchain;
    return failure();
  }
  if (!words.empty())
    emitError(location) << "the C++ compiler '" << words.front() << "', named in CXX, is not on PATH";
  else
    emitError(location) << "no C++ compiler on PATH (looked for " << llvm::join(names, ", ")
                        << "): an artifact is built with one; " << help;
  return failure();
}

LogicalResult Toolchain::compile(const Unit &unit, const ObjectCache &cache) const {
  std::string text = readFile(unit.source).value_or("");
  std::string key = contentHash(
      {version, llvm::join(options, "\n"), llvm::join(unit.flags, "\n"), text, unit.includedText});
  if (std::optional<std::string> kept = cache.find(key))
    return writeFile(location, unit.object, *kept);
  SmallVector<std::string> arguments(unit.flags);
  for (const std::string &folder : unit.includeFolders)
    arguments.push_back("-I" + folder);
  arguments.append({"-c", unit.source, "-o", unit.object});
  if (failed(run(arguments, "compiling " + unit.source, nullptr)))
    return failure();
  if (std::optional<std::string> made = readFile(unit.object))
    cache.keep(key, *made);
  return success();
}

LogicalResult Toolchain::link(ArrayRef<std::string> arguments, StringRef what) const {
  return run(arguments, what, nullptr);
}

LogicalResult Toolchain::run(ArrayRef<std::string> arguments, StringRef what, std::string *output) const {
  std::vector<std::string> all = options;
  all.insert(all.end(), arguments.begin(), arguments.end());
  ProcessResult result = runProcess(program, all);
  if (output)
    *output = result.printed;
  if (result.status == 0)
    return success();
  return emitError(location) << what << ": " << program << " failed" << result.explanation();
}

} // namespace halyard::emit
