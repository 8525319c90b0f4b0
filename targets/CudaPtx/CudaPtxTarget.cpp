// NVIDIA's GPUs: kernels are PTX inside the objects, which the driver translates for the GPU that it finds.
#include "targets/Common/TargetRegistry.h"
#include "targets/Gpu/GpuTarget.h"

using namespace halyard;
using Feature = Halide::Target::Feature;

namespace {
class CudaPtxTarget : public GpuTarget {
public:
  llvm::StringRef name() const override { return "cuda-ptx"; }
  llvm::StringRef description() const override {
    return "NVIDIA GPUs of compute capability 8.0 or later; the driver is found when a model is used";
  }
  Halide::Target machine() const override { return hostWith({Feature::CUDA, Feature::CUDACapability80}); }
  llvm::StringRef deviceInterface() const override { return "cuda"; }
  bool runsHere() const override { return false; }
};
} // namespace

namespace halyard {

void addCudaPtxTargets(TargetRegistry &registry) {
  static const CudaPtxTarget target;
  registry.add(target);
}

} // namespace halyard
