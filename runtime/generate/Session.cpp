// Lays a session out in the caller's memory.
#include "Session.h"

using namespace halyard::rt;

uint64_t halyard_session_bytes(const halyard_program *program) { return sessionShape(*program).bytes(); }

int halyard_session_init(const halyard_program *program, const halyard_weights *weights, void *memory,
                         uint64_t bytes, halyard_session **session) {
  if (program->abi != HALYARD_ABI)
    return halyard_bad_abi;
  if (!weights->data && program->weights_bytes)
    return halyard_bad_weights;
  SessionShape shape = sessionShape(*program);
  if (!memory || reinterpret_cast<uintptr_t>(memory) % HALYARD_ALIGNMENT || bytes < shape.bytes())
    return halyard_bad_memory;
  uint8_t *base = static_cast<uint8_t *>(memory);
  uint8_t *rows = base + shape.rowsOffset();
  uint64_t rowBytes = halyard_aligned(uint64_t(shape.maxRows) * sizeof(int32_t));

  halyard_session *made = reinterpret_cast<halyard_session *>(base);
  made->program = program;
  made->weights = weights->data;
  made->arena = base + shape.arenaOffset();
  made->slots = reinterpret_cast<halyard_slot *>(base + shape.slotsOffset());
  made->sources = reinterpret_cast<halyard_source *>(base + shape.sourcesOffset());
  made->tokens = reinterpret_cast<int32_t *>(base + shape.tokensOffset());
  made->finished = reinterpret_cast<int32_t *>(base + shape.finishedOffset());
  made->candidates = reinterpret_cast<halyard_candidate *>(base + shape.candidatesOffset());
  made->rowToken = reinterpret_cast<int32_t *>(rows);
  made->rowSlot = reinterpret_cast<int32_t *>(rows + rowBytes);
  made->rowPosition = reinterpret_cast<int32_t *>(rows + 2 * rowBytes);
  made->logits = reinterpret_cast<float *>(base + shape.logitsOffset());
  made->turn = made->screenPause = made->screenPenalty = 0;
  for (int32_t i = 0; i < program->slots; ++i)
    made->slots[i].request = -1;
  halyard_arena_init(made->arena, program->slots, program->max_target, program->flags);
  *session = made;
  return halyard_ok;
}

void halyard_session_close(halyard_session *session) {
  if (session && session->program->release)
    session->program->release(session->arena);
}

void *halyard_session_arena(halyard_session *session) { return session->arena; }

const int32_t *halyard_session_text(const halyard_session *session, int32_t slot) {
  return session->tokens + int64_t(slot) * (session->program->max_target + 1);
}

int32_t halyard_source_length(const halyard_program *program, uint64_t elements) {
  uint64_t fixed = 1;
  bool dynamic = false;
  for (int32_t i = 0; i < program->source_rank; ++i) {
    int64_t extent = program->source_shape[i];
    if (extent < 0)
      dynamic = true;
    else
      fixed *= static_cast<uint64_t>(extent);
  }
  if (!dynamic)
    return elements == fixed;
  if (fixed == 0 || elements % fixed || elements / fixed > INT32_MAX)
    return 0;
  return static_cast<int32_t>(elements / fixed);
}
