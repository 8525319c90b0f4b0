// Runs a program; see the header.
#include "targets/Common/Process.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;

namespace halyard {

std::string ProcessResult::explanation() const {
  std::string text = reason.empty() ? "" : ": " + reason;
  StringRef lines = StringRef(printed).trim();
  return lines.empty() ? text : text + ":\n" + lines.take_front(4000).str();
}

ProcessResult runProcess(StringRef program, ArrayRef<std::string> arguments) {
  ProcessResult result;
  SmallString<128> log;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("halyard", "log", log)) {
    result.reason = "no temporary file can be made: " + error.message();
    return result;
  }
  llvm::scope_exit remove([&] { llvm::sys::fs::remove(log); });
  SmallVector<StringRef> all{program};
  all.append(arguments.begin(), arguments.end());
  result.status =
      llvm::sys::ExecuteAndWait(program, all, std::nullopt, {StringRef(), StringRef(log), StringRef(log)},
                                /*SecondsToWait=*/0, /*MemoryLimit=*/0, &result.reason);
  if (auto text = llvm::MemoryBuffer::getFile(log))
    result.printed = (*text)->getBuffer().str();
  return result;
}

} // namespace halyard
