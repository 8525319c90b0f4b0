// A kernel of a target that this machine does not run, or of a device, linked into a program that the
// target's emulator runs, or the device's driver.
#ifndef HALYARD_TEST_UNIT_TARGETS_FOREIGNKERNEL_H
#define HALYARD_TEST_UNIT_TARGETS_FOREIGNKERNEL_H

#include "targets/Common/HostTensor.h"
#include "targets/Common/Target.h"

#include <string>
#include <variant>
#include <vector>

namespace halyard::test {

/// What kernels asked to be fetched ahead: bytes behind the start of a weight.
struct Fetched {
  int64_t offset, bytes;
};

class ForeignKernel {
public:
  /// Links the kernel's file with KernelDriver.cpp; everything is kept in `directory`. `error` tells what
  /// went wrong.
  ForeignKernel(const Target &target, const std::string &directory, const std::string &file,
                const std::string &name);

  /// Fills `results`, which have their shapes and types.
  void run(llvm::ArrayRef<std::variant<HostTensor, int32_t>> arguments, std::vector<HostTensor> &results,
           std::vector<Fetched> &fetched) const;

  std::string error;

private:
  std::string from, to, command;
};

} // namespace halyard::test

#endif
