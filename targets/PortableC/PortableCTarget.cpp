// Kernels as C++ source, without vectors: for any compiler and any processor.
#include "targets/Common/KernelSource.h"
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/Schedules/PlainLoops.h"
#include "targets/Common/TargetRegistry.h"

using namespace halyard;
using namespace halyard::kernels;

namespace {
class PortableC : public halyard::Target {
public:
  llvm::StringRef name() const override { return "portable-c"; }
  llvm::StringRef description() const override { return "kernels as C++ source, for any compiler"; }
  bool runsHere() const override { return true; }

  const CpuShape &shape() const override {
    static const CpuShape scalar = [] {
      CpuShape shape{/*lanes=*/1,
                     /*tileVectors=*/4,
                     /*tileRows=*/4,
                     /*sumRows=*/4,
                     /*packedAccumulators=*/0,
                     /*registers=*/8};
      shape.prefetches = false;
      return shape;
    }();
    return scalar;
  }

  /// What kernels are lowered for; nothing of it shows in the source.
  Halide::Target machine() const override {
    return Halide::Target(
        Halide::Target::NoOS, Halide::Target::X86, 64,
        {Halide::Target::NoRuntime, Halide::Target::NoAsserts, Halide::Target::NoBoundsQuery});
  }

  /// As many columns as a small processor has registers for sums.
  LinearLayout linearLayout(int64_t, int64_t, WeightPrecision) const override {
    return {/*columns=*/4, /*terms=*/1, /*zeroPoint=*/0};
  }

  void schedule(Kernel &kernel) const override {
    scheduleForCpu(kernel, shape());
    dropVectors(kernel);
  }

  llvm::StringRef kernelSuffix() const override { return ".cpp"; }
  void write(const Halide::Module &kernel, llvm::StringRef path) const override {
    writeKernelSource(kernel, path);
  }
};
} // namespace

namespace halyard {

void addPortableCTargets(TargetRegistry &registry) {
  static const PortableC portable;
  registry.add(portable);
}

} // namespace halyard
