// Which part of a model each weight belongs to: found from the program's stages and from what reads what,
// never from names. Precision is chosen, and its cost reported, by these groups.
#ifndef HALYARD_PASSES_TRANSFORMS_WEIGHTGROUPS_H
#define HALYARD_PASSES_TRANSFORMS_WEIGHTGROUPS_H

#include "dialects/Seq/IR/Seq.h"

namespace halyard {

/// A weight whose precision is chosen.
struct GroupedWeight {
  mlir::Operation *op = nullptr; ///< a linear layer, or what looks rows of a table up
  llvm::StringRef group;         ///< one of weightGroups()
  int64_t index = 0;             ///< among the weights of its group, in the program's order
  int64_t elements = 0;
  bool isTable = false;

  /// "decoder-feed-forward.3"
  std::string name() const { return (group + "." + llvm::Twine(index)).str(); }
};

/// All groups, in the order in which reports name them:
///
///   embeddings                tables that are looked up by token or position
///   encoder-attention         what makes queries, keys and values in encode, and what reads attention's
///   result encoder-feed-forward      the other layers of encode bind                      all layers of
///   bind: cross-attention's keys and values above all decoder-self-attention    as for the encoder, around
///   attention over the step's own rows decoder-cross-attention   around attention over what bind keeps
///   decoder-feed-forward      the other layers of step
///   head                      what makes the logits
llvm::ArrayRef<llvm::StringLiteral> weightGroups();

/// The linear layers and tables of a program in which layers are not packed yet, in its order.
llvm::SmallVector<GroupedWeight> groupedWeights(seq::ProgramOp program);

/// Whether a tensor is a constant of floats that is large enough to be looked up in another form than it has.
bool isTable(mlir::Value tensor);

} // namespace halyard

#endif
