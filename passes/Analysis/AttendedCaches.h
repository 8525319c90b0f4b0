// Which of a program's states and cross values are caches that attention reads and nothing else does.
#ifndef HALYARD_PASSES_ANALYSIS_ATTENDEDCACHES_H
#define HALYARD_PASSES_ANALYSIS_ATTENDEDCACHES_H

#include "dialects/Seq/IR/Seq.h"

#include "llvm/ADT/MapVector.h"

namespace halyard {

/// What attention reads a cache as.
enum class CacheRole { key, value, keyAndValue, scale };

struct AttendedCache {
  /// seq.state or seq.cross.
  mlir::Operation *declaration = nullptr;
  CacheRole role = CacheRole::key;
  /// Key/value heads of every attention that reads it.
  int64_t heads = 0;
  /// What the step reads, one value for each seq.cache_append or seq.load.
  llvm::SmallVector<mlir::Value> values;
  /// All seq.attention operations that read it.
  llvm::SmallVector<seq::AttentionOp> readers;
};

class AttendedCaches {
public:
  explicit AttendedCaches(seq::ProgramOp program);

  /// Leaves out caches that are not `wanted`, and then those which any attention reads together with one that
  /// is left out.
  void keepTogether(llvm::function_ref<bool(const AttendedCache &)> wanted);

  auto begin() { return caches.begin(); }
  auto end() { return caches.end(); }
  /// The cache that a value of the step is, or null.
  const AttendedCache *find(mlir::Value value) const;

private:
  /// By name, in the program's order.
  llvm::MapVector<mlir::StringAttr, AttendedCache> caches;
};

} // namespace halyard

#endif
