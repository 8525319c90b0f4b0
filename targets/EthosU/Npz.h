// NumPy's archives of arrays (.npz), as far as Vela writes them: arrays of bytes and single numbers, not
// compressed.
#ifndef HALYARD_TARGETS_ETHOSU_NPZ_H
#define HALYARD_TARGETS_ETHOSU_NPZ_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace halyard {

class Npz {
public:
  /// Reads the directory of an archive whose bytes outlive this; nothing where they are no such archive.
  static std::optional<Npz> parse(llvm::StringRef bytes);

  /// All bytes of an array of whatever type; nothing if it is not there.
  std::optional<llvm::StringRef> contents(llvm::StringRef array) const;
  /// The one element of an array of 64-bit integers.
  std::optional<int64_t> number(llvm::StringRef array) const;

private:
  llvm::StringMap<llvm::StringRef> files; // by name, without ".npy"
};

} // namespace halyard

#endif
