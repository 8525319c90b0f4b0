// Objects kept between compilations, found by a hash of everything they were made from.
//
// A file appears under its name by renaming a finished one, so that any number of processes may share the
// folder. A cache that cannot be written to is as good as empty.
#ifndef HALYARD_COMPILER_PIPELINES_EMIT_OBJECTCACHE_H
#define HALYARD_COMPILER_PIPELINES_EMIT_OBJECTCACHE_H

#include "mlir/Support/LLVM.h"

#include <string>

namespace halyard::emit {

class ObjectCache {
public:
  /// `directory` may be empty: the user's cache folder, if there is one.
  explicit ObjectCache(llvm::StringRef directory);

  /// The contents kept under a key.
  std::optional<std::string> find(llvm::StringRef key) const;
  void keep(llvm::StringRef key, llvm::StringRef contents) const;

private:
  std::string pathOf(llvm::StringRef key) const;
  std::string directory; // empty: nothing is kept
};

} // namespace halyard::emit

#endif
