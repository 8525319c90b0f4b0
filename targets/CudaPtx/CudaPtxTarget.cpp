// NVIDIA's GPUs: kernels are PTX inside the objects, which the driver translates for the GPU that it finds.
#include "targets/Common/TargetRegistry.h"
#include "targets/CudaPtx/SharedMemory.h"
#include "targets/CudaPtx/TensorTile.h"
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
  const kernels::CpuShape &shape() const override;
  llvm::StringRef deviceInterface() const override { return "cuda"; }
  llvm::StringRef deviceLibrary() const override { return "libcuda.so.1"; }
  bool runsHere() const override { return false; }
  void write(const Halide::Module &kernel, llvm::StringRef path) const override {
    GpuTarget::write(withTexts(kernel), path);
  }
  void writeAssembly(const Halide::Module &kernel, llvm::StringRef path) const override {
    GpuTarget::writeAssembly(withTexts(kernel), path);
  }

private:
  static Halide::Module withTexts(const Halide::Module &kernel);
};
} // namespace

/// With fewer rows than one instruction of tensor cores takes, most of its work would be for nothing.
const kernels::CpuShape &CudaPtxTarget::shape() const {
  static const kernels::CpuShape shape = [this] {
    kernels::CpuShape cuda = GpuTarget::shape();
    cuda.tensorCoreRows = 16;
    return cuda;
  }();
  return shape;
}

/// The text of kernels is data of the module that starts them. The module with what Halide does not know of.
Halide::Module CudaPtxTarget::withTexts(const Halide::Module &kernel) {
  Halide::Module changed(kernel.name(), kernel.target(), kernel.get_metadata_name_map());
  for (const Halide::Internal::LoweredFunc &function : kernel.functions())
    changed.append(function);
  for (const Halide::Buffer<void> &buffer : kernel.buffers()) {
    llvm::StringRef text(static_cast<const char *>(buffer.data()), buffer.size_in_bytes());
    if (!text.contains(".address_size 64")) {
      changed.append(buffer);
      continue;
    }
    std::string ptx = withTensorTile(withSharedVariable(text.rtrim('\0'))) + '\0';
    Halide::Buffer<uint8_t> copy(static_cast<int>(ptx.size()), buffer.name());
    std::copy(ptx.begin(), ptx.end(), copy.begin());
    changed.append(copy);
  }
  return changed;
}

namespace halyard {

void addCudaPtxTargets(TargetRegistry &registry) {
  static const CudaPtxTarget target;
  registry.add(target);
}

} // namespace halyard
