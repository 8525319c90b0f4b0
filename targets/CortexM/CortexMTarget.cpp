// Microcontrollers: images without an operating system, heap or threads.
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/Schedules/PlainLoops.h"
#include "targets/Common/TargetRegistry.h"
#include "targets/CortexM/ThumbObject.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

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

  void write(const Halide::Module &kernel, llvm::StringRef path) const override {
    compile(kernel, ThumbFile::object, path);
  }
  void writeAssembly(const Halide::Module &kernel, llvm::StringRef path) const override {
    compile(kernel, ThumbFile::assembly, path);
  }

private:
  static void compile(const Halide::Module &kernel, ThumbFile kind, llvm::StringRef path) {
    llvm::SmallString<128> bitcode;
    if (std::error_code error = llvm::sys::fs::createTemporaryFile("halyard", "bc", bitcode))
      throw Halide::CompileError("no temporary file can be made: " + error.message());
    llvm::FileRemover remove(bitcode);
    kernel.compile({{Halide::OutputFileType::bitcode, bitcode.str().str()}});
    std::string problem =
        compileForThumb(bitcode, {"thumbv8.1m.main-none-unknown-eabihf", "cortex-m55"}, kind, path);
    if (!problem.empty())
      throw Halide::CompileError(problem);
  }
};
} // namespace

namespace halyard {

void addCortexMTargets(TargetRegistry &registry) {
  static const CortexM55 m55;
  registry.add(m55);
}

} // namespace halyard
