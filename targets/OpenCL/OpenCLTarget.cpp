// OpenCL: the schedules of cuda-ptx, on any device that shares its addresses with the processor.
#include "targets/Common/TargetRegistry.h"
#include "targets/Gpu/GpuTarget.h"
#include "targets/OpenCL/HalfWords.h"

using namespace halyard;
using Feature = Halide::Target::Feature;

namespace {
class OpenCLTarget : public GpuTarget {
public:
  llvm::StringRef name() const override { return "opencl"; }
  llvm::StringRef description() const override {
    return "devices of OpenCL 2.0 or later with shared virtual memory; the schedules of cuda-ptx";
  }
  Halide::Target machine() const override { return hostWith({Feature::OpenCL, Feature::CLDoubles}); }
  llvm::StringRef deviceInterface() const override { return "opencl"; }
  llvm::StringRef deviceLibrary() const override { return "libOpenCL.so.1"; }
  bool runsHere() const override { return false; }
  void addPasses(Halide::Pipeline &pipeline, const kernels::Kernel &) const override {
    addHalfWords(pipeline);
  }
};
} // namespace

namespace halyard {

void addOpenCLTargets(TargetRegistry &registry) {
  static const OpenCLTarget target;
  registry.add(target);
}

} // namespace halyard
