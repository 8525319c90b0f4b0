// What GPUs have in common, whatever the interface by which they are reached.
#ifndef HALYARD_TARGETS_GPU_GPUTARGET_H
#define HALYARD_TARGETS_GPU_GPUTARGET_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/Target.h"
#include "targets/Gpu/RowKernels.h"

#include <Halide.h>

namespace halyard {

class GpuTarget : public Target {
public:
  const kernels::CpuShape &shape() const override;
  LinearLayout linearLayout(int64_t features, int64_t outputs, WeightPrecision precision) const override;
  llvm::ArrayRef<llvm::StringRef> precisions() const override;
  llvm::ArrayRef<llvm::StringRef> commonKernels() const override { return rowKernels(); }
  Halide::Module makeCommonKernel(llvm::StringRef name) const override {
    return makeRowKernel(name, machine());
  }
  BuildTools buildTools() const override;
  void schedule(kernels::Kernel &kernel) const override;

protected:
  /// The processor beside the GPU, whose code starts the kernels.
  static Halide::Target hostWith(const std::vector<Halide::Target::Feature> &features);
};

} // namespace halyard

#endif
