// An emulated program reads its question from a file and writes the answer to another.
#include "compiler/driver/RunModel.h"
#include "compiler/driver/ArtifactReport.h"
#include "compiler/pipelines/emit/Files.h"
#include "runtime/tool/Answer.h"
#include "targets/Common/Process.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

namespace halyard::driver {

static bool fail(RunError &error, const std::string &where, const std::string &what) {
  error = {where, what, kModelError};
  return false;
}

/// Why a target's artifact has no program.
static std::string missingProgram(const Target &target) {
  llvm::StringRef driver = target.buildTools().missingDriver;
  return "there is no such program: compile the model again" +
         (driver.empty() ? "" : ", with " + driver.str());
}

/// Words for a program that is given one line with its own path at the beginning: they stand behind "--",
/// with a backslash before spaces of theirs (runtime/cortexm/Tool.cpp).
static std::string asLine(const std::vector<std::string> &words) {
  std::string line = "--";
  for (const std::string &word : words) {
    line += ' ';
    for (char letter : word)
      line += letter == ' ' || letter == '\\' ? std::string{'\\', letter} : std::string{letter};
  }
  return line;
}

bool RunModel::open(const std::string &path, int64_t threadCount, RunError &error) {
  folder = path;
  threads = threadCount;
  const Target *target = targetOfArtifact(path);
  if (target && !loadsHere(*target))
    return openEmulated(*target, error);
  if (!artifact.open(path, error))
    return false;
  artifact.startThreads(threads);
  return true;
}

bool RunModel::openEmulated(const Target &target, RunError &error) {
  std::string what = ("compiled for " + target.name() + ", which this machine does not run").str();
  emulator = target.emulator();
  if (emulator.program.empty())
    return fail(error, folder, what);
  std::string found = findEmulator(emulator);
  if (found.empty())
    return fail(error, folder,
                what + ", and the emulator " + emulator.program + " is not on PATH: install " +
                    emulator.help.str());
  emulator.program = found;
  halyard_program program;
  if (!readReport(folder, report, error) || !describeProgram(folder, report, program, error))
    return false;
  if (std::string file = emit::pathIn(folder, program.name); !llvm::sys::fs::exists(file))
    return fail(error, file, missingProgram(target));
  described = program;
  return true;
}

bool RunModel::ask(const std::vector<uint8_t> &question, std::vector<uint8_t> &answer, RunError &error) {
  if (described)
    return askEmulated(question, answer, error);
  halyard_answer_to to = {[](void *user, const void *data, uint64_t bytes) {
                            auto *from = static_cast<const uint8_t *>(data);
                            static_cast<std::vector<uint8_t> *>(user)->insert(
                                static_cast<std::vector<uint8_t> *>(user)->end(), from, from + bytes);
                          },
                          &answer};
  halyard_answer_question(artifact.program(), artifact.weights(), question.data(), question.size(), to);
  return true;
}

bool RunModel::askEmulated(const std::vector<uint8_t> &question, std::vector<uint8_t> &answer,
                           RunError &error) {
  llvm::SmallString<128> files;
  if (std::error_code failure = llvm::sys::fs::createUniqueDirectory("halyard-run", files))
    return fail(error, "run", "no temporary folder can be made: " + failure.message());
  llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(files); });
  std::string asked = emit::pathIn(files, "question"), told = emit::pathIn(files, "answer");
  std::error_code failure;
  llvm::raw_fd_ostream stream(asked, failure);
  stream.write(reinterpret_cast<const char *>(question.data()), question.size());
  stream.close();
  if (failure || (failure = stream.error())) {
    stream.clear_error();
    return fail(error, asked, "cannot be written: " + failure.message());
  }
  std::vector<std::string> arguments = emulator.arguments;
  arguments.push_back(emit::pathIn(folder, program().name));
  std::vector<std::string> own{"--question", asked,       "--answer",
                               told,         "--threads", std::to_string(threads ? threads : 1)};
  if (emulator.argumentsOption.empty())
    arguments.insert(arguments.end(), own.begin(), own.end());
  else
    arguments.insert(arguments.end(), {emulator.argumentsOption, asLine(own)});
  ProcessResult result = runProcess(emulator.program, arguments);
  std::optional<std::string> bytes = emit::readFile(told);
  if (result.status || !bytes)
    return fail(error, folder, emulator.program + " failed" + result.explanation());
  answer.assign(bytes->begin(), bytes->end());
  return true;
}

} // namespace halyard::driver
