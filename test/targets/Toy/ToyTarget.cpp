// The smallest target there can be: 64-bit x86 as it was in the beginning. docs/new-target.md shows this
// file.
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/TargetRegistry.h"

using namespace halyard;
using namespace halyard::kernels;

namespace {
class ToyTarget : public halyard::Target {
public:
  llvm::StringRef name() const override { return "toy"; }
  llvm::StringRef description() const override { return "64-bit x86 with SSE 2"; }

  Halide::Target machine() const override {
    return {Halide::Target::Linux,
            Halide::Target::X86,
            64,
            {Halide::Target::NoRuntime, Halide::Target::NoAsserts, Halide::Target::NoBoundsQuery}};
  }
  const CpuShape &shape() const override { return cpu; }

  LinearLayout linearLayout(int64_t, int64_t, WeightPrecision precision) const override {
    int64_t terms = precision == WeightPrecision::f32 ? 1 : precision == WeightPrecision::bf16 ? 2 : 4;
    return {/*columns=*/16, terms, /*zeroPoint=*/0};
  }

  bool runsHere() const override { return Halide::get_host_target().arch == Halide::Target::X86; }
  void schedule(Kernel &kernel) const override { scheduleForCpu(kernel, cpu); }

private:
  CpuShape cpu{/*lanes=*/4, /*tileVectors=*/2, /*tileRows=*/4, /*sumRows=*/2, /*packedAccumulators=*/8};
};
} // namespace

namespace halyard {

void addToyTargets(TargetRegistry &registry) {
  static const ToyTarget toy;
  registry.add(toy);
}

} // namespace halyard
