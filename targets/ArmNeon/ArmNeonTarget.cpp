// 64-bit Arm with NEON: 32 registers of 128 bits. Codes are signed on both sides, as the processor multiplies
// them: four at a time with the option dotprod (sdot), else in pairs of 16-bit products (smull, sadalp).
//
// There is no option for half precision: weights and caches are f32, bf16 or codes, and what a model itself
// holds in f16 is converted by instructions that every processor has.
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/TargetRegistry.h"

using namespace halyard;
using namespace halyard::kernels;

namespace {
/// Read by CMake, in the artifact's own build.
constexpr llvm::StringLiteral kToolchainFile =
    R"(# The compilers that Debian's package g++-aarch64-linux-gnu brings. Programs are linked statically, so that an
# emulator needs no copy of the system's libraries.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
)";

constexpr CpuShape kShape{/*lanes=*/4,
                          /*tileVectors=*/4,
                          /*tileRows=*/4,
                          /*sumRows=*/4,
                          /*packedAccumulators=*/24,
                          /*registers=*/32};

class ArmNeonTarget : public halyard::Target {
public:
  ArmNeonTarget(llvm::StringRef name, bool dotProducts)
      : targetName(name.str()), dotProducts(dotProducts), cpu(kShape) {
    cpu.loadsApart = true;
    cpu.multipliesBytes = dotProducts;
  }

  llvm::StringRef name() const override { return targetName; }
  llvm::StringRef description() const override { return "64-bit Arm with NEON, Linux"; }
  llvm::ArrayRef<TargetOption> options() const override {
    static const TargetOption all[] = {{"dotprod", "dot products of bytes (Cortex-A76 and later)"}};
    return all;
  }
  std::unique_ptr<halyard::Target> withOptions(llvm::StringRef name,
                                               llvm::ArrayRef<llvm::StringRef> chosen) const override {
    return std::make_unique<ArmNeonTarget>(name, llvm::is_contained(chosen, "dotprod"));
  }

  Halide::Target machine() const override {
    Halide::Target target(
        Halide::Target::Linux, Halide::Target::ARM, 64,
        {Halide::Target::NoRuntime, Halide::Target::NoAsserts, Halide::Target::NoBoundsQuery});
    if (dotProducts)
      target.set_feature(Halide::Target::ARMDotProd);
    return target;
  }

  const CpuShape &shape() const override { return cpu; }
  LinearLayout linearLayout(int64_t, int64_t outputs, WeightPrecision precision) const override {
    return widePanels(outputs, precision, /*zeroPoint=*/0);
  }
  bool runsHere() const override;
  int hostRank() const override { return dotProducts ? 2 : 1; }

  /// What the option asks for, the emulated processor has; without it the processor is one that lacks it, so
  /// that an instruction too many is found.
  Emulator emulator() const override {
    return {"qemu-aarch64", {"-cpu", dotProducts ? "cortex-a76" : "cortex-a53"}, "qemu-user"};
  }

  BuildTools buildTools() const override {
    BuildTools tools;
    tools.compilers = {"aarch64-linux-gnu-g++"};
    tools.help = "install g++-aarch64-linux-gnu";
    tools.programFlags = {"-static"};
    tools.toolchainFile = kToolchainFile;
    return tools;
  }

  void schedule(Kernel &kernel) const override { scheduleForCpu(kernel, cpu); }

private:
  std::string targetName;
  bool dotProducts;
  CpuShape cpu;
};
} // namespace

bool ArmNeonTarget::runsHere() const {
  static const Halide::Target host = Halide::get_host_target();
  return host.arch == Halide::Target::ARM && host.bits == 64 && host.os == Halide::Target::Linux &&
         (!dotProducts || host.has_feature(Halide::Target::ARMDotProd));
}

namespace halyard {

void addArmNeonTargets(TargetRegistry &registry) {
  static const ArmNeonTarget neon("aarch64-neon", /*dotProducts=*/false);
  registry.add(neon);
}

} // namespace halyard
