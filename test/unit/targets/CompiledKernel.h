// A kernel function compiled to an object, linked into a shared library and loaded: what an artifact does,
// for tests.
#ifndef HALYARD_TEST_UNIT_TARGETS_COMPILEDKERNEL_H
#define HALYARD_TEST_UNIT_TARGETS_COMPILEDKERNEL_H

#include "ForeignKernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace halyard::test {

/// What the last kernel that ran asked for, by calls of the runtime; and by itself if it is watched.
extern std::vector<Fetched> fetchedAhead;

/// Instead of a target's name.
constexpr const char *kSameBits = "same-bits";

class CompiledKernel {
public:
  /// An argument: a tensor, or the value of an index.
  using Argument = std::variant<HostTensor, int32_t>;

  /// Compiles for `target` (by name), or deterministically for all levels of an artifact that run here
  /// (`kSameBits`). `error` tells what went wrong, and is empty if nothing did.
  CompiledKernel(mlir::func::FuncOp function, llvm::StringRef target, bool isWatched = false);
  ~CompiledKernel();
  CompiledKernel(const CompiledKernel &) = delete;

  /// Runs the kernel; results have the given shapes and the function's element types. With several levels a
  /// result of which bits differ fails the test.
  std::vector<HostTensor> run(llvm::ArrayRef<Argument> arguments,
                              llvm::ArrayRef<llvm::SmallVector<int64_t>> resultShapes) const;

  /// Undefined symbols of the object.
  std::vector<std::string> undefinedSymbols() const;

  std::string error;

private:
  void compile(llvm::StringRef targetName);
  std::vector<HostTensor> runOwn(llvm::ArrayRef<Argument> arguments,
                                 llvm::ArrayRef<llvm::SmallVector<int64_t>> resultShapes) const;

  mlir::func::FuncOp function;
  bool isWatched;
  std::string directory, object;
  void *library = nullptr, *entry = nullptr;
  /// In place of the library where an emulator runs the target's programs.
  std::unique_ptr<ForeignKernel> foreign;
  /// The same for other levels.
  std::vector<std::unique_ptr<CompiledKernel>> others;
};

} // namespace halyard::test

#endif
