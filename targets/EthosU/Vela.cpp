// Text of MLIR goes to a file, the tools make others of it, and what they made is read; all of them lie in a
// folder that goes when it is done.
#include "targets/EthosU/Vela.h"
#include "targets/Common/Process.h"
#include "targets/EthosU/Npz.h"
#include "targets/EthosU/TosaLayer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard {

namespace {

constexpr llvm::StringLiteral kTosaOpt = "tosa-opt", kVela = "vela";

/// Regions of the driver's base addresses.
constexpr int64_t kWeightRegion = 0, kMemoryRegion = 1;

class Compilation {
public:
  Compilation(const VelaMachine &machine, Location location) : machine(machine), location(location) {}
  ~Compilation() {
    if (!folder.empty())
      llvm::sys::fs::remove_directories(folder);
  }

  FailureOr<NpuProgram> run(const NpuLayer &layer) {
    if (llvm::sys::fs::createUniqueDirectory("halyard-npu", folder))
      return emitError(location) << "no temporary folder can be made";
    if (failed(write("layer.mlir", tosaLayer(layer))) || failed(serialise()) || failed(compile()))
      return failure();
    return read();
  }

private:
  std::string path(const Twine &file) const {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, file);
    return std::string(path);
  }

  LogicalResult write(StringRef file, StringRef text) {
    std::error_code error;
    llvm::raw_fd_ostream stream(path(file), error);
    stream << text;
    stream.close();
    if (!error)
      error = stream.error();
    stream.clear_error();
    if (error)
      return emitError(location) << path(file) << ": cannot be written: " << error.message();
    return success();
  }

  LogicalResult call(StringRef tool, ArrayRef<std::string> arguments, std::string *printed = nullptr) {
    llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(tool);
    if (!program)
      return emitError(location) << missingVelaTools();
    ProcessResult result = runProcess(*program, arguments);
    if (printed)
      *printed = result.printed;
    if (result.status == 0)
      return success();
    return emitError(location) << "compiling for " << machine.accelerator << ": " << tool << " failed"
                               << result.explanation();
  }

  LogicalResult serialise() {
    return call(kTosaOpt,
                {path("layer.mlir"), "--tosa-attach-target=specification_version=1.0 profiles=pro_int",
                 "--tosa-serialize=tosa-flatbuffer-filename=" + path("layer.tosa") +
                     " retain-graph-input-output-names",
                 "-o", "/dev/null"});
  }

  LogicalResult compile() {
    std::string printed;
    if (failed(call(kVela,
                    {path("layer.tosa"), "--accelerator-config", machine.accelerator.str(), "--config",
                     "Arm/vela.ini", "--system-config", machine.system.str(), "--memory-mode", "Shared_Sram",
                     "--output-format", "raw", "--output-dir", folder.str().str()},
                    &printed)))
      return failure();
    if (!StringRef(printed).contains("CPU operators = 0 ("))
      return emitError(location) << "vela places the layer on the processor, not on " << machine.accelerator
                                 << ":\n"
                                 << StringRef(printed).trim().take_front(4000);
    return success();
  }

  /// A column of the table of one line that Vela writes beside the program.
  int64_t estimate(StringRef column) const {
    auto file = llvm::MemoryBuffer::getFile(path("layer_summary_" + machine.system + ".csv"));
    if (!file)
      return 0;
    auto [head, line] = (*file)->getBuffer().split('\n');
    SmallVector<StringRef> columns, values;
    head.trim().split(columns, ',');
    line.trim().split(values, ',');
    double value = 0;
    for (auto [name, text] : llvm::zip(columns, values))
      if (name == column)
        text.getAsDouble(value);
    return int64_t(value);
  }

  FailureOr<NpuProgram> read() {
    auto file = llvm::MemoryBuffer::getFile(path("layer_vela.npz"), /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    std::optional<Npz> archive = file ? Npz::parse((*file)->getBuffer()) : std::nullopt;
    auto number = [&](StringRef name) { return archive ? archive->number(name).value_or(-1) : -1; };
    NpuProgram program;
    program.memoryBytes = number("scratch_size");
    program.codesAt = number("input_offset");
    program.sumsAt = number("output_offset");
    program.cycles = estimate("cycles_total");
    if (!archive || number("weight_region") != kWeightRegion || number("input_region") != kMemoryRegion ||
        number("output_region") != kMemoryRegion || number("scratch_fast_size") != 0 ||
        std::min({program.memoryBytes, program.codesAt, program.sumsAt}) < 0)
      return emitError(location) << "what vela made for " << machine.accelerator
                                 << " is not of the form that version 5.2 has";
    program.commands = archive->contents("cmd_data").value_or("").str();
    program.weights = archive->contents("weight_data").value_or("").str();
    return program;
  }

  const VelaMachine &machine;
  Location location;
  SmallString<128> folder;
};

} // namespace

std::string missingVelaTools() {
  std::string missing;
  for (auto [tool, package] : {std::pair(kTosaOpt, "tosa-tools"), std::pair(kVela, "ethos-u-vela")})
    if (!llvm::sys::findProgramByName(tool))
      missing += (missing.empty() ? "" : ", ") + tool.str() + " (pip install " + package + ")";
  return missing.empty() ? "" : "needs programs that are not on PATH: " + missing;
}

FailureOr<NpuProgram> compileWithVela(const NpuLayer &layer, const VelaMachine &machine, Location location) {
  return Compilation(machine, location).run(layer);
}

} // namespace halyard
