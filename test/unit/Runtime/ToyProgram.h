// A program small enough to work out by hand, with the memory layout of a compiled one: a state that keeps
// the tokens of every slot, and a cross value that keeps a number made of the source. The logits of a row
// depend on the source and on every token up to the row, so that a row computed from anything else gives
// other tokens.
#ifndef HALYARD_TEST_UNIT_RUNTIME_TOYPROGRAM_H
#define HALYARD_TEST_UNIT_RUNTIME_TOYPROGRAM_H

#include "halyard/model.h"

#include <vector>

namespace toy {

constexpr int32_t kVocabulary = 13, kMaxSource = 6, kMaxTarget = 40, kMaxRows = 6, kSlots = 4;
constexpr int32_t kStart = 0, kEnd = 1;

extern int encodes, mostSources, steps, mostRows, screens, rescores,
    heads;          ///< counted since the test set them to 0
extern float slack; ///< bounds of the screened program are up to so much above its logits

const halyard_program &program();
/// The program without the token state, which keeps texts in the arena's header instead.
const halyard_program &recomputingProgram();
/// The program with bounds of its logits, which are computed four at a time.
const halyard_program &screenedProgram();
/// The weights file that goes with all of them.
const halyard_weights &weights();

struct Program {
  static const halyard_program &get() { return program(); }
  using Source = int64_t;
  static constexpr halyard::rt::SessionShape shape = {
      kVocabulary, kMaxTarget, kMaxRows, kSlots,
      halyard_arena_header_bytes(kSlots, kMaxTarget, 0) +
          halyard_aligned(kSlots * kMaxTarget * sizeof(int32_t)) + halyard_aligned(kSlots * sizeof(int32_t))};
};
using Model = halyard::Model<Program>;
using Session = halyard::Session<Program>;
inline constexpr uint64_t kSessionBytes = Program::shape.bytes();

/// The logits after `text`, straight from their definition.
std::vector<float> logits(const std::vector<int64_t> &source, const std::vector<int32_t> &text);
/// Greedy search by its definition, with nothing but start, end and length.
std::vector<int32_t> greedy(const std::vector<int64_t> &source, std::vector<int32_t> prompt,
                            int32_t newTokens);

/// Settings with nothing set.
halyard_generation noSettings();
inline halyard_ids ids(const std::vector<int32_t> &list) { return {list.data(), int32_t(list.size())}; }

} // namespace toy

#endif
