// Arguments and results go through files, in the form that KernelDriver.cpp reads and writes.
#include "ForeignKernel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Program.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace halyard;
using namespace halyard::test;

ForeignKernel::ForeignKernel(const Target &target, const std::string &directory, const std::string &file,
                             const std::string &name)
    : directory(directory) {
  BuildTools tools = target.buildTools();
  std::string compiler = tools.compilers.empty() ? "c++" : "";
  for (llvm::StringRef each : tools.compilers)
    if (auto path = llvm::sys::findProgramByName(each); path && compiler.empty())
      compiler = *path;
  std::string emulator = findEmulator(target.emulator());
  if (compiler.empty() || emulator.empty()) {
    error =
        "no compiler or emulator: install " + (compiler.empty() ? tools.help : target.emulator().help).str();
    return;
  }
  std::string program = directory + "/program";
  std::vector<std::string> build{compiler, "-std=c++17", "-O1", "-I" HALYARD_RUNTIME_INCLUDE};
  llvm::append_range(build, tools.flags);
  build.insert(build.end(), {"-o", program, HALYARD_KERNEL_DRIVER, file});
  llvm::append_range(build, tools.programFlags);
  build.push_back("-Wl,--defsym=halyard_test_kernel=" + name);
  llvm::append_range(build, tools.libraries);
  if (std::system((llvm::join(build, " ") + " 2>&1").c_str()) != 0)
    error = "does not link";
  std::vector<std::string> run{emulator};
  llvm::append_range(run, target.emulator().arguments);
  run.push_back(program);
  command = llvm::join(run, " ");
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
  std::string from = directory + "/arguments", to = directory + "/results";
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
  if (std::system((command + " " + from + " " + to).c_str()) != 0) {
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
