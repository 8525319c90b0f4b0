// Arguments and results go through files, in the form that KernelDriver.cpp reads and writes.
#include "ForeignKernel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

using namespace halyard;
using namespace halyard::test;

namespace {
/// What the programs around a target's kernels have in common: compiler, emulator, and the objects that are
/// linked with each kernel, made once.
class Workshop {
public:
  static const Workshop &of(const Target &target) {
    static std::map<std::string, Workshop> all;
    return all.try_emplace(target.name().str(), target).first->second;
  }

  explicit Workshop(const Target &target) : tools(target.buildTools()) {
    compiler = tools.compilers.empty() ? "c++" : "";
    for (llvm::StringRef each : tools.compilers)
      if (auto path = llvm::sys::findProgramByName(each); path && compiler.empty())
        compiler = *path;
    emulator = target.emulator();
    if (!emulator.program.empty() && !isDevice())
      emulator.program = findEmulator(emulator);
    if (compiler.empty() || (emulator.program.empty() && !isDevice()))
      error = "no compiler or emulator: install " + (compiler.empty() ? tools.help : emulator.help).str();
    else if (llvm::sys::fs::createUniqueDirectory("halyard-driver", directory))
      error = "no temporary directory";
    else
      compileAll();
  }
  ~Workshop() {
    if (!directory.empty())
      llvm::sys::fs::remove_directories(directory);
  }
  Workshop(const Workshop &) = delete;

  /// The linker's command for a program of one kernel.
  std::string linking(const std::string &program, const std::string &kernel, const std::string &name) const {
    std::vector<std::string> command{compiler};
    llvm::append_range(command, tools.programFlags);
    if (!tools.startFolder.empty())
      command.insert(command.end(), {"-T", HALYARD_RUNTIME "/" + tools.startFolder.str() + "/tool.ld"});
    command.insert(command.end(), {"-o", program});
    llvm::append_range(command, objects);
    command.insert(command.end(), {kernel, "-Wl,--defsym=halyard_test_kernel=" + name});
    llvm::append_range(command, tools.libraries);
    return llvm::join(command, " ");
  }

  /// The command that runs a program with two words.
  std::string running(const std::string &program, const std::string &from, const std::string &to) const {
    if (isDevice())
      return llvm::join(std::vector{program, from, to}, " ");
    std::vector<std::string> command{emulator.program};
    llvm::append_range(command, emulator.arguments);
    command.push_back(program);
    if (emulator.argumentsOption.empty())
      command.insert(command.end(), {from, to});
    else
      command.insert(command.end(), {emulator.argumentsOption, "'" + from + " " + to + "'"});
    return llvm::join(command, " ");
  }

  std::string error;

private:
  bool isDevice() const { return !tools.deviceInterface.empty(); }

  void compileAll() {
    compile(HALYARD_KERNEL_DRIVER "/KernelDriver.cpp");
    if (!tools.isFreestanding())
      compile(HALYARD_KERNEL_DRIVER "/HostedSystem.cpp");
    for (llvm::StringRef folder : tools.freestandingFolders)
      compileFolder(folder.str());
    if (!tools.startFolder.empty())
      compileFolder(tools.startFolder.str());
    if (isDevice())
      compile(HALYARD_RUNTIME "/" + tools.deviceInterface + "/Driver.cpp");
  }

  void compileFolder(const std::string &name) {
    std::error_code failure;
    for (llvm::sys::fs::directory_iterator at(HALYARD_RUNTIME "/" + name, failure), end;
         at != end && !failure; at.increment(failure))
      if (llvm::StringRef(at->path()).ends_with(".cpp"))
        compile(at->path());
  }

  void compile(const std::string &source) {
    objects.push_back(std::string(directory) + "/" + std::to_string(objects.size()) + ".o");
    std::vector<std::string> command{compiler,
                                     "-std=c++17",
                                     "-O2",
                                     "-fno-exceptions",
                                     "-fno-rtti",
                                     "-I" HALYARD_RUNTIME "/include",
                                     "-I" HALYARD_RUNTIME};
    if (tools.isFreestanding())
      command.insert(command.end(), {"-I" HALYARD_RUNTIME "/baremetal/include", "-DHALYARD_NO_LIBRARY"});
    if (isDevice())
      command.push_back("-DHALYARD_DEVICE");
    llvm::append_range(command, tools.flags);
    command.insert(command.end(), {"-c", source, "-o", objects.back()});
    if (std::system(llvm::join(command, " ").c_str()) != 0)
      error = source + " does not compile";
  }

  BuildTools tools;
  Emulator emulator;
  std::string compiler;
  llvm::SmallString<128> directory;
  std::vector<std::string> objects;
};
} // namespace

ForeignKernel::ForeignKernel(const Target &target, const std::string &directory, const std::string &file,
                             const std::string &name)
    : from(directory + "/arguments"), to(directory + "/results") {
  const Workshop &workshop = Workshop::of(target);
  error = workshop.error;
  std::string program = directory + "/program";
  if (error.empty() && std::system((workshop.linking(program, file, name) + " 2>&1").c_str()) != 0)
    error = "does not link";
  command = "timeout 300 " + workshop.running(program, from, to); // a kernel that does not end is wrong
}

namespace {
void writeInteger(std::ofstream &file, int32_t value) {
  file.write(reinterpret_cast<const char *>(&value), sizeof(value));
}

void writeTensor(std::ofstream &file, const HostTensor &tensor, bool isResult) {
  writeInteger(file, isResult ? 2 : 1);
  writeInteger(file, static_cast<int32_t>(tensor.shape.size()));
  for (int64_t extent : llvm::reverse(tensor.shape))
    writeInteger(file, static_cast<int32_t>(extent));
  writeInteger(file, static_cast<int32_t>(tensor.bytes()));
  if (!isResult)
    file.write(static_cast<const char *>(tensor.data.get()), tensor.bytes());
}
} // namespace

void ForeignKernel::run(llvm::ArrayRef<std::variant<HostTensor, int32_t>> arguments,
                        std::vector<HostTensor> &results, std::vector<Fetched> &fetched) const {
  std::ofstream file(from, std::ios::binary);
  writeInteger(file, static_cast<int32_t>(arguments.size() + results.size()));
  for (const auto &argument : arguments) {
    if (const HostTensor *tensor = std::get_if<HostTensor>(&argument)) {
      writeTensor(file, *tensor, /*isResult=*/false);
    } else {
      writeInteger(file, 0);
      writeInteger(file, std::get<int32_t>(argument));
    }
  }
  for (const HostTensor &result : results)
    writeTensor(file, result, /*isResult=*/true);
  file.close();
  if (std::system(command.c_str()) != 0) {
    ADD_FAILURE() << "failed: " << command;
    return;
  }
  std::ifstream given(to, std::ios::binary);
  for (HostTensor &result : results)
    given.read(static_cast<char *>(result.data.get()), result.bytes());
  EXPECT_TRUE(given.good());
  for (int32_t range[2]; given.read(reinterpret_cast<char *>(range), sizeof(range));)
    fetched.push_back({range[0], range[1]});
}
