// NVIDIA's GPUs: kernels are PTX inside the objects, which the driver translates for the GPU that it finds.
#include "targets/Common/TargetRegistry.h"
#include "targets/CudaPtx/SharedMemory.h"
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
  void write(const Halide::Module &kernel, llvm::StringRef path) const override;
};
} // namespace

/// The text of kernels is data of the module that starts them.
void CudaPtxTarget::write(const Halide::Module &kernel, llvm::StringRef path) const {
  Halide::Module changed(kernel.name(), kernel.target(), kernel.get_metadata_name_map());
  for (const Halide::Internal::LoweredFunc &function : kernel.functions())
    changed.append(function);
  for (const Halide::Buffer<void> &buffer : kernel.buffers()) {
    llvm::StringRef text(static_cast<const char *>(buffer.data()), buffer.size_in_bytes());
    if (!text.contains(".address_size 64")) {
      changed.append(buffer);
      continue;
    }
    std::string ptx = withSharedVariable(text.rtrim('\0')) + '\0';
    Halide::Buffer<uint8_t> copy(static_cast<int>(ptx.size()), buffer.name());
    std::copy(ptx.begin(), ptx.end(), copy.begin());
    changed.append(copy);
  }
  GpuTarget::write(changed, path);
}

namespace halyard {

void addCudaPtxTargets(TargetRegistry &registry) {
  static const CudaPtxTarget target;
  registry.add(target);
}

} // namespace halyard
