// A kernel function compiled to an object, linked into a shared library and loaded: what an artifact does,
// for tests.
#ifndef HALYARD_TEST_UNIT_TARGETS_COMPILEDKERNEL_H
#define HALYARD_TEST_UNIT_TARGETS_COMPILEDKERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/Common/HostTensor.h"

#include <string>
#include <variant>
#include <vector>

namespace halyard::test {

/// What kernels asked to be fetched ahead since this was last cleared: bytes behind the start of a weight.
struct Fetched {
  int64_t offset, bytes;
};
extern std::vector<Fetched> fetchedAhead;

class CompiledKernel {
public:
  /// An argument: a tensor, or the value of an index.
  using Argument = std::variant<HostTensor, int32_t>;

  /// Compiles for `target` (by name). `error` tells what went wrong, and is empty if nothing did.
  CompiledKernel(mlir::func::FuncOp function, llvm::StringRef target);
  ~CompiledKernel();
  CompiledKernel(const CompiledKernel &) = delete;

  /// Runs the kernel; results have the given shapes and the function's element types.
  std::vector<HostTensor> run(llvm::ArrayRef<Argument> arguments,
                              llvm::ArrayRef<llvm::SmallVector<int64_t>> resultShapes) const;

  /// Undefined symbols of the object.
  std::vector<std::string> undefinedSymbols() const;

  std::string error;

private:
  mlir::func::FuncOp function;
  std::string directory, object;
  void *library = nullptr, *entry = nullptr;
};

} // namespace halyard::test

#endif
