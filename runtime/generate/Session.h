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
  int32_t reserved[3];
};
static_assert(sizeof(halyard_slot) == halyard::rt::kSlotRecordBytes, "layout.h reserves this much");

struct halyard_session {
  const halyard_program *program;
  const void *weights;
  uint8_t *arena;
  halyard_slot *slots;
  int32_t *tokens; ///< [slots][maxTarget + 1]
  int32_t *rowToken;
  int32_t *rowSlot;
  int32_t *rowPosition;
  float *logits; ///< [maxRows][vocabulary]
  int32_t turn;  ///< the slot that the next step serves first

  int32_t *text(int32_t slot) { return tokens + int64_t(slot) * (program->max_target + 1); }
};
static_assert(sizeof(halyard_session) <= halyard::rt::kSessionRecordBytes, "layout.h reserves this much");

#endif
