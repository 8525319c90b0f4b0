// The C++ compiler of a target: compiles and links what an artifact consists of.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_TOOLCHAIN_H
#define HALYARD_COMPILER_PIPELINES_EMIT_TOOLCHAIN_H

#include "compiler/pipelines/emit/ObjectCache.h"
#include "mlir/IR/Location.h"
#include "targets/Common/TargetTools.h"

namespace halyard::emit {

class Toolchain {
public:
  /// The target's compiler. If that is the system's own: the one named in CXX; without it c++, g++ or clang++
  /// from PATH.
  static mlir::FailureOr<Toolchain> find(mlir::Location location, const BuildTools &tools);

  struct Unit {
    std::string source, object;
    llvm::SmallVector<std::string> flags;
    llvm::SmallVector<std::string> includeFolders; // where headers lie does not matter, what they say does:
    std::string includedText;
  };
  /// Compiles a source file, or takes its object from the cache.
  mlir::LogicalResult compile(const Unit &unit, const ObjectCache &cache) const;
  /// Runs the compiler as a linker.
  mlir::LogicalResult link(llvm::ArrayRef<std::string> arguments, llvm::StringRef what) const;

  llvm::StringRef path() const { return program; }

private:
  Toolchain(mlir::Location location, std::string program) : location(location), program(std::move(program)) {}
  mlir::LogicalResult run(llvm::ArrayRef<std::string> arguments, llvm::StringRef what,
                          std::string *output) const;

  mlir::Location location;
  std::string program;
  std::vector<std::string> options; // always passed, first
  std::string version;              // as the compiler prints it
};

} // namespace halyard::emit

#endif
