// The time of a generation by kernel, beside the bytes and the arithmetic that its calls cost.
#ifndef HALYARD_COMPILER_DRIVER_BENCHPROFILE_H
#define HALYARD_COMPILER_DRIVER_BENCHPROFILE_H

#include "compiler/driver/RunArtifact.h"
#include "llvm/Support/JSON.h"

namespace halyard::driver {

/// One kernel in one stage. Numbers are for all its calls together.
struct KernelTime {
  std::string stage, kernel;
  uint64_t calls = 0;
  double seconds = 0;
  double bytes = 0;        ///< read and written, weights included
  double multiplyAdds = 0; ///< of contractions, other reductions and attention
};

/// What attention over kept rows reads: rows seen by each row of a step, on average.
struct KeptRows {
  double target = 1; ///< of the text so far
  double source = 1;
};

/// Builds a library of the artifact in `folder` that records times; removed with the object.
class ProfiledLibrary {
public:
  explicit ProfiledLibrary(const std::string &folder) : folder(folder) {}
  ProfiledLibrary(const ProfiledLibrary &) = delete;
  ProfiledLibrary &operator=(const ProfiledLibrary &) = delete;
  ~ProfiledLibrary();

  bool build(RunError &error);
  const std::string &path() const { return library; }

  /// Forgets what was recorded by the library, which `artifact` has open.
  static void reset(const RunArtifact &artifact);
  /// What was recorded since then, the kernel that took longest first.
  std::vector<KernelTime> times(const RunArtifact &artifact, const KeptRows &kept) const;

private:
  std::string folder, library;
  llvm::json::Object report;
};

/// Prints a table of a call of each stage: `steps` steps and `encodes` encodings were recorded. `bandwidth`
/// is in bytes per second.
void printProfile(const std::vector<KernelTime> &times, double steps, double encodes, double bandwidth);
/// The same as elements of an array.
void writeProfile(llvm::json::OStream &json, const std::vector<KernelTime> &times, double steps,
                  double encodes, double bandwidth);

} // namespace halyard::driver

#endif
