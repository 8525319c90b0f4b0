// Where the folders of targets put what they have. CMake collects the folders (targets/CMakeLists.txt) and
// writes addAllTargets, which calls addFOLDERTargets of each.
#ifndef HALYARD_TARGETS_COMMON_TARGETREGISTRY_H
#define HALYARD_TARGETS_COMMON_TARGETREGISTRY_H

#include "targets/Common/Target.h"

namespace halyard {

class TargetRegistry {
public:
  /// Adds a target, with no options chosen. It lives as long as the program.
  void add(const Target &target) { targets.push_back(&target); }

  llvm::ArrayRef<const Target *> all() const { return targets; }

private:
  std::vector<const Target *> targets;
};

/// Adds the targets of all folders, in CMake's order.
void addAllTargets(TargetRegistry &registry);

} // namespace halyard

#endif
