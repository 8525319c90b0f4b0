// Microcontrollers: images without an operating system, heap or threads.
#include "targets/Common/BitcodeCompiler.h"
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/Schedules/PlainLoops.h"
#include "targets/Common/TargetRegistry.h"
#include "targets/CortexM/ThumbCode.h"
#include "targets/EthosU/EthosU.h"

#include <cstdlib>

using namespace halyard;
using namespace halyard::kernels;

namespace {
/// Read by CMake, in the artifact's own build.
constexpr llvm::StringLiteral kToolchainFile =
    R"(# The compilers that Debian's package gcc-arm-none-eabi brings, for a Cortex-M55.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m55)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_FLAGS_INIT "-mcpu=cortex-m55")
set(CMAKE_CXX_FLAGS_INIT "-mcpu=cortex-m55 -mfloat-abi=hard -ffunction-sections -fdata-sections -fno-math-errno")
set(CMAKE_CXX_FLAGS_RELEASE "-Os -DNDEBUG" CACHE STRING "")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-mcpu=cortex-m55 -mfloat-abi=hard -nostartfiles --specs=nosys.specs -Wl,--gc-sections")
set(HALYARD_NO_THREADS ON CACHE BOOL "")
set(HALYARD_NO_FILES ON CACHE BOOL "")
)";

class CortexM55 : public halyard::Target {
public:
  llvm::StringRef name() const override { return "cortex-m55"; }
  llvm::StringRef description() const override { return "Cortex-M55 without an operating system"; }
  bool runsHere() const override { return false; }

  llvm::ArrayRef<TargetOption> options() const override { return ethosUOptions(); }
  std::unique_ptr<Target> withOptions(llvm::StringRef name,
                                      llvm::ArrayRef<llvm::StringRef> chosen) const override;

  /// The vector unit has eight registers. What it does best is to add up the products of two times 16 codes.
  const CpuShape &shape() const override {
    static const CpuShape helium = [] {
      CpuShape shape{/*lanes=*/4,
                     /*tileVectors=*/2,
                     /*tileRows=*/2,
                     /*sumRows=*/2,
                     /*packedAccumulators=*/0,
                     /*registers=*/8};
      shape.prefetches = false;
      return shape;
    }();
    return helium;
  }

  /// Halide knows no Cortex-M: its code is compiled again by LLVM.
  Halide::Target machine() const override {
    return Halide::Target(Halide::Target::NoOS, Halide::Target::ARM, 32,
                          {Halide::Target::NoRuntime, Halide::Target::NoAsserts,
                           Halide::Target::NoBoundsQuery, Halide::Target::NoNEON});
  }

  LinearLayout linearLayout(int64_t, int64_t, WeightPrecision precision) const override {
    return {/*columns=*/4, /*terms=*/precision == WeightPrecision::i8 ? 16 : 1, /*zeroPoint=*/0};
  }

  /// A board of Arm's. Words on the command line come through semihosting.
  Emulator emulator() const override {
    Emulator emulator;
    emulator.program = "qemu-system-arm";
    emulator.arguments = {"-M",
                          "mps3-an547",
                          "-display",
                          "none",
                          "-monitor",
                          "none",
                          "-serial",
                          "none",
                          "-semihosting-config",
                          "enable=on,target=native",
                          "-kernel"};
    emulator.argumentsOption = "-append";
    emulator.help = "qemu-system-arm";
    return emulator;
  }

  BuildTools buildTools() const override {
    BuildTools tools;
    tools.compilers = {"arm-none-eabi-g++"};
    tools.help = "install gcc-arm-none-eabi and libstdc++-arm-none-eabi-newlib";
    tools.flags = {"-mcpu=cortex-m55",     "-mfloat-abi=hard",  "-Os",
                   "-ffunction-sections",  "-fdata-sections",   "-fno-math-errno",
                   "-DHALYARD_NO_THREADS", "-DHALYARD_NO_FILES"};
    tools.programFlags = {"-mcpu=cortex-m55", "-mfloat-abi=hard", "-nostartfiles", "--specs=rdimon.specs",
                          "-Wl,--gc-sections"};
    tools.libraries = {"-lm"};
    tools.hasSharedLibraries = false;
    tools.linksWeights = true;
    tools.startFolder = "cortexm";
    tools.toolchainFile = kToolchainFile;
    return tools;
  }

  void schedule(Kernel &kernel) const override {
    scheduleForCpu(kernel, shape());
    dropThreads(kernel);
  }

  const CodeMachine *codeMachine() const override {
    static const CodeMachine machine{"thumbv8.1m.main-none-unknown-eabihf", "cortex-m55", "",
                                     /*isRelocatable=*/false, optimiseForThumb};
    return &machine;
  }
};

/// The driver of an NPU is the system's: a library that programs are linked with.
constexpr llvm::StringLiteral kDriverVariable = "HALYARD_NPU_DRIVER";

/// A Cortex-M55 with an NPU beside it.
class CortexM55WithNpu : public CortexM55 {
public:
  CortexM55WithNpu(llvm::StringRef name, std::unique_ptr<Npu> unit) : fullName(name), unit(std::move(unit)) {}

  llvm::StringRef name() const override { return fullName; }
  const Npu *npu() const override { return unit.get(); }

  LinearLayout linearLayout(int64_t features, int64_t outputs, WeightPrecision precision) const override {
    if (precision == WeightPrecision::i8 && unit->takes(features, outputs))
      return {/*columns=*/1, /*terms=*/features, /*zeroPoint=*/0};
    return CortexM55::linearLayout(features, outputs, precision);
  }

  BuildTools buildTools() const override {
    BuildTools tools = CortexM55::buildTools();
    tools.npuFolder = "ethosu";
    if (const char *driver = std::getenv(kDriverVariable.data()); driver && *driver)
      tools.libraries.insert(tools.libraries.begin(), driver);
    else
      tools.missingDriver = "Arm's driver for the NPU: name its library in HALYARD_NPU_DRIVER";
    return tools;
  }

private:
  std::string fullName;
  std::unique_ptr<Npu> unit;
};

std::unique_ptr<halyard::Target> CortexM55::withOptions(llvm::StringRef name,
                                                        llvm::ArrayRef<llvm::StringRef> chosen) const {
  if (chosen.size() != 1)
    return nullptr;
  return std::make_unique<CortexM55WithNpu>(name, makeEthosU(chosen.front()));
}
} // namespace

namespace halyard {

void addCortexMTargets(TargetRegistry &registry) {
  static const CortexM55 m55;
  registry.add(m55);
}

} // namespace halyard
