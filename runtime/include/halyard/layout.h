// How a session's memory is divided: known at compile time, so that firmware can reserve it statically.
//
//   session record | a record per slot | sources to be encoded | tokens of every slot | tokens of finished
//   beams | candidates of beam search | rows of a step | logits of a step | arena
#ifndef HALYARD_LAYOUT_H
#define HALYARD_LAYOUT_H

#include "arena.h"
#include "program.h"

namespace halyard::rt {

inline constexpr uint64_t kSessionRecordBytes = 128;
inline constexpr uint64_t kSlotRecordBytes = 64;
/// Continuations that beam search compares, per beam, and the bytes of one.
inline constexpr uint64_t kCandidatesPerBeam = 8;
inline constexpr uint64_t kCandidateBytes = 12;

/// The sizes of a program that its session's memory depends on, named as in halyard_program.
struct SessionShape {
  int32_t vocabulary;
  int32_t maxTarget;
  int32_t maxRows;
  int32_t slots;
  uint64_t arenaBytes;

  /// Longest text: the last token is chosen but never read, so it needs no position.
  constexpr uint64_t textLength() const { return uint64_t(maxTarget) + 1; }
  constexpr uint64_t slotsOffset() const { return kSessionRecordBytes; }
  constexpr uint64_t sourcesOffset() const {
    return slotsOffset() + halyard_aligned(uint64_t(slots) * kSlotRecordBytes);
  }
  constexpr uint64_t tokensOffset() const {
    return sourcesOffset() + halyard_aligned(uint64_t(slots) * sizeof(halyard_source));
  }
  constexpr uint64_t finishedOffset() const {
    return tokensOffset() + halyard_aligned(uint64_t(slots) * textLength() * sizeof(int32_t));
  }
  constexpr uint64_t candidatesOffset() const {
    return finishedOffset() + halyard_aligned(uint64_t(slots) * textLength() * sizeof(int32_t));
  }
  /// Token, slot and position of every row, each int32[maxRows].
  constexpr uint64_t rowsOffset() const {
    return candidatesOffset() + halyard_aligned(uint64_t(slots) * kCandidatesPerBeam * kCandidateBytes);
  }
  constexpr uint64_t logitsOffset() const {
    return rowsOffset() + 3 * halyard_aligned(uint64_t(maxRows) * sizeof(int32_t));
  }
  constexpr uint64_t arenaOffset() const {
    return logitsOffset() + halyard_aligned(uint64_t(maxRows) * uint64_t(vocabulary) * sizeof(float));
  }
  constexpr uint64_t bytes() const { return arenaOffset() + halyard_aligned(arenaBytes); }
};

inline SessionShape sessionShape(const halyard_program &program) {
  return {program.vocabulary, program.max_target, program.max_rows, program.slots, program.arena_bytes};
}

} // namespace halyard::rt

#endif
