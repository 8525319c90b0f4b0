// Hexagon with HVX: vectors of 128 bytes that multiply and add up signed bytes four at a time (vrmpy), but do
// not compute with floats. Floats are scalar, integers are vectors.
//
// Programs are images of their own, without an operating system's libraries: weights are linked in, and the
// system calls of Linux are all that an image needs, which an emulator understands.
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/Schedules/PlainLoops.h"
#include "targets/Common/TargetRegistry.h"
#include "targets/Hexagon/ScalarFloats.h"

using namespace halyard;
using namespace halyard::kernels;

namespace {
/// Read by CMake, in the artifact's own build.
constexpr llvm::StringLiteral kToolchainFile =
    R"(# Clang and LLD, which compile for Hexagon as they come.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR hexagon)
set(CMAKE_ASM_COMPILER clang-22)
set(CMAKE_ASM_COMPILER_TARGET hexagon-unknown-elf)
set(CMAKE_ASM_FLAGS_INIT "-mcpu=hexagonv66")
set(CMAKE_CXX_COMPILER clang++-22)
set(CMAKE_CXX_COMPILER_TARGET hexagon-unknown-elf)
set(CMAKE_CXX_FLAGS_INIT "-mcpu=hexagonv66 -G0 -nostdlibinc -nostdinc++ -ffunction-sections -fno-threadsafe-statics")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib -static -fuse-ld=lld -Wl,--gc-sections")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-hexagon)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
)";

constexpr CpuShape shapeOfHvx() {
  CpuShape shape{/*lanes=*/32,
                 /*tileVectors=*/4,
                 /*tileRows=*/4,
                 /*sumRows=*/4,
                 /*packedAccumulators=*/16,
                 /*registers=*/32,
                 /*multipliesBytes=*/true};
  shape.prefetches = false; // Halide's compiler for it has no such instruction
  return shape;
}

constexpr CpuShape kShape = shapeOfHvx();

class HexagonTarget : public halyard::Target {
public:
  llvm::StringRef name() const override { return "hexagon-hvx"; }
  llvm::StringRef description() const override {
    return "Hexagon v66 with HVX, no operating system, for --weights int8";
  }
  const CpuShape &shape() const override { return kShape; }

  Halide::Target machine() const override {
    return Halide::Target(Halide::Target::NoOS, Halide::Target::Hexagon, 32,
                          {Halide::Target::HVX_v66, Halide::Target::HVX_128, Halide::Target::NoRuntime,
                           Halide::Target::NoAsserts, Halide::Target::NoBoundsQuery});
  }

  /// Panels of 64 columns are two vectors of codes' sums.
  LinearLayout linearLayout(int64_t, int64_t, WeightPrecision precision) const override {
    switch (precision) {
    case WeightPrecision::f32:
      return {64, 1, 0};
    case WeightPrecision::bf16:
    case WeightPrecision::f16:
      return {64, 2, 0};
    case WeightPrecision::i8:
    case WeightPrecision::i4:
      return {64, 4, 0};
    }
    llvm_unreachable("unknown precision");
  }

  bool runsHere() const override { return false; }
  Emulator emulator() const override { return {"qemu-hexagon", {}, "qemu-user"}; }

  BuildTools buildTools() const override {
    BuildTools tools;
    tools.compilers = {"clang++-22"};
    tools.help = "install clang-22 and lld-22";
    tools.flags = {
        "--target=hexagon-unknown-elf", "-mcpu=hexagonv66",       "-G0", "-nostdlibinc", "-nostdinc++",
        "-ffunction-sections",          "-fno-threadsafe-statics"};
    tools.programFlags = {"--target=hexagon-unknown-elf",
                          "-mcpu=hexagonv66",
                          "-G0",
                          "-nostdlib",
                          "-static",
                          "-fuse-ld=lld",
                          "-Wl,--gc-sections"};
    tools.libraries = {};
    tools.hasSharedLibraries = false;
    tools.linksWeights = true;
    tools.freestandingFolders = {"baremetal", "hexagon"};
    tools.toolchainFile = kToolchainFile;
    return tools;
  }

  void schedule(Kernel &kernel) const override {
    scheduleForCpu(kernel, kShape);
    dropThreads(kernel);
    keepFloatsScalar(kernel);
  }
};
} // namespace

namespace halyard {

void addHexagonTargets(TargetRegistry &registry) {
  static const HexagonTarget target;
  registry.add(target);
}

} // namespace halyard
