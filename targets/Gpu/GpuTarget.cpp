// What GPUs have in common; see the header.
#include "targets/Gpu/GpuTarget.h"

#include "targets/Gpu/GpuSchedule.h"

using namespace halyard;
using namespace halyard::kernels;

/// Lanes are the threads that gather the sums of a row.
const CpuShape &GpuTarget::shape() const {
  static const CpuShape shape = [] {
    CpuShape gpu{32, 1, 1, 1, 1};
    gpu.multipliesBytes = gpu.isGpu = true;
    return gpu;
  }();
  return shape;
}

/// Threads beside each other read columns beside each other: a few times 16 columns are as long as what comes
/// from memory at once. Codes are multiplied four at a time, signed with signed; of f16 there stand
/// as many terms together as tensor cores multiply.
LinearLayout GpuTarget::linearLayout(int64_t, int64_t, WeightPrecision precision) const {
  bool isCoded = precision == WeightPrecision::i8 || precision == WeightPrecision::i4;
  return {kGpuPanel, precision == WeightPrecision::f16 ? kTensorTerms : isCoded ? 4 : 1, 0};
}

llvm::ArrayRef<llvm::StringRef> GpuTarget::precisions() const {
  static const llvm::StringRef names[] = {"f32", "f16"};
  return names;
}

/// The driver is a library that is looked for at run time.
BuildTools GpuTarget::buildTools() const {
  BuildTools tools;
  tools.deviceInterface = deviceInterface().str();
  tools.libraries.push_back("-ldl");
  return tools;
}

void GpuTarget::schedule(Kernel &kernel) const { scheduleForGpu(kernel, shape()); }

Halide::Target GpuTarget::hostWith(const std::vector<Halide::Target::Feature> &features) {
  Halide::Target target = Halide::get_host_target();
  target = Halide::Target(target.os, target.arch, target.bits, features);
  for (Halide::Target::Feature feature :
       {Halide::Target::NoRuntime, Halide::Target::NoAsserts, Halide::Target::NoBoundsQuery})
    target.set_feature(feature);
  return target;
}
