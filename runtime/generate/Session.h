// The records behind halyard_session; private to the runtime.
#ifndef HALYARD_GENERATE_SESSION_H
#define HALYARD_GENERATE_SESSION_H

#include "halyard/layout.h"
#include "halyard/session.h"

/// A text in flight. `tokens[0 .. count)` is the text so far, of which the model has been given the first
/// `fed`.
struct halyard_slot {
  int32_t request; ///< index of the request, or -1: the slot is free
  int32_t count;
  int32_t fed;
  int32_t prompt;    ///< tokens of the prompt
  int32_t maxLength; ///< tokens at which the text ends, prompt included

  // Beam search only. The slots of one request's beams follow one another; `awaited` and `candidates` count
  // in the first of them.
  float score;           ///< sum of the logarithmic probabilities of the text's new tokens
  float finishedScore;   ///< of the finished text that is kept beside this slot, or of none
  int32_t finishedCount; ///< its tokens, or 0: there is none
  int32_t next;          ///< the candidate that continues this slot's text, or -1
  int32_t bound;         ///< whether the slot holds the request's cross values
  int32_t awaited;       ///< beams whose logits are not there yet
  int32_t candidates;
  int32_t reserved[4];
};
static_assert(sizeof(halyard_slot) == halyard::rt::kSlotRecordBytes, "layout.h reserves this much");

/// One way to continue a text.
struct halyard_candidate {
  float score;
  int32_t slot;
  int32_t token;
};
static_assert(sizeof(halyard_candidate) == halyard::rt::kCandidateBytes, "layout.h reserves this much");

struct halyard_session {
  const halyard_program *program;
  const void *weights;
  uint8_t *arena;
  halyard_slot *slots;
  halyard_source *sources;       ///< [slots]: those that are encoded together
  int32_t *tokens;               ///< [slots][maxTarget + 1]
  int32_t *finished;             ///< [slots][maxTarget + 1]: texts of beam search that have ended
  halyard_candidate *candidates; ///< [slots][kCandidatesPerBeam]
  int32_t *rowToken;
  int32_t *rowSlot;
  int32_t *rowPosition;
  float *logits;         ///< [maxRows][vocabulary]
  int32_t turn;          ///< the slot that the next step serves first
  int32_t screenPause;   ///< steps for which logits are not screened
  int32_t screenPenalty; ///< how many the next pause will be

  int32_t *text(int32_t slot) { return tokens + int64_t(slot) * (program->max_target + 1); }
  int32_t *finishedText(int32_t slot) { return finished + int64_t(slot) * (program->max_target + 1); }
};
static_assert(sizeof(halyard_session) <= halyard::rt::kSessionRecordBytes, "layout.h reserves this much");

#endif
