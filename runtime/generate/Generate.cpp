// The loop of a generation, and greedy search.
#include "Generation.h"

#include <string.h>

namespace halyard::rt {

/// Gives free slots to the requests from `next` on and encodes their sources together.
int Generation::admit(int32_t &next) {
  int32_t first = next, admitted = 0;
  for (int32_t slot = 0; slot + beams <= program.slots && next < count; slot += beams)
    if (session.slots[slot].request < 0) {
      const halyard_request &request = requests[next];
      session.sources[admitted++] = {slot, request.source_length, request.source, request.source_mask,
                                     request.memory};
      session.slots[slot].request = next++;
    }
  if (!admitted)
    return halyard_ok;
  if (int status = program.encode(session.arena, session.weights, admitted, session.sources))
    return fail(status < 0 ? status : halyard_kernel_failed, first, status);
  for (int32_t i = 0; i < admitted; ++i)
    begin(session.sources[i].slot, first + i);
  return halyard_ok;
}

/// Puts a request's prompt into a slot, which holds its source.
void Generation::begin(int32_t slot, int32_t index) {
  const halyard_request &request = requests[index];
  int32_t *text = session.text(slot);
  int32_t length = request.prompt ? request.prompt_count : defaultPrompt(text);
  if (request.prompt)
    memcpy(text, request.prompt, size_t(length) * sizeof(int32_t));
  halyard_slot &record = session.slots[slot];
  record = {};
  record.request = index;
  record.count = record.prompt = length;
  record.maxLength = maxLength(length);
  if (beams > 1)
    beginBeams(slot);
}

/// Fills the rows of a step with tokens that the model has not been given yet, beginning where the last step
/// ended.
int32_t Generation::gatherRows() {
  int32_t rows = 0, slots = program.slots, first = session.turn;
  for (int32_t k = 0; k < slots; ++k) {
    int32_t index = (first + k) % slots;
    halyard_slot &slot = session.slots[index];
    if (slot.request < 0)
      continue;
    while (slot.fed < slot.count && rows < program.max_rows) {
      session.rowToken[rows] = session.text(index)[slot.fed];
      session.rowSlot[rows] = index;
      session.rowPosition[rows++] = slot.fed++;
    }
    session.turn = index;
    if (slot.fed < slot.count)
      return rows;
  }
  session.turn = (session.turn + 1) % slots;
  return rows;
}

/// Whether the device's choice is what the settings would lead to.
bool Generation::choosesOnDevice() const {
  return program.choose && beams == 1 && !options.on_logits && leavesLogitsAlone(settings);
}

/// Takes a step of which nothing but the best tokens leaves the device.
int Generation::chooseOnDevice(int32_t rows) {
  // The logits' memory has no other use then.
  int32_t *tokens = reinterpret_cast<int32_t *>(session.logits);
  int status = program.step(session.arena, session.weights, rows, session.rowToken, session.rowSlot,
                            session.rowPosition, nullptr);
  if (!status)
    status = program.choose(session.arena, rows, tokens);
  for (int32_t row = 0; !status && row < rows; ++row)
    if (isLast(row))
      append(session.rowSlot[row], tokens[row]);
  return status ? fail(status < 0 ? status : halyard_kernel_failed, -1, status) : halyard_ok;
}

int Generation::step(int32_t rows) {
  if (choosesOnDevice())
    return chooseOnDevice(rows);
  bool screened = canScreen(rows);
  int status = program.step(session.arena, session.weights, rows, session.rowToken, session.rowSlot,
                            session.rowPosition, screened ? nullptr : session.logits);
  if (!status && screened)
    status = screen(rows);
  for (int32_t row = 0; !status && row < rows; ++row) {
    int32_t slot = session.rowSlot[row];
    if (!isLast(row))
      continue;
    float *logits = session.logits + int64_t(row) * program.vocabulary;
    if (beams > 1)
      consider(slot, logits);
    else if (screened)
      status = chooseScreened(row, rows, screened);
    else
      choose(slot, logits);
  }
  return status ? fail(status < 0 ? status : halyard_kernel_failed, -1, status) : halyard_ok;
}

/// Whether a row is the end of its text so far: not a token of a prompt, which another follows.
bool Generation::isLast(int32_t row) const {
  return session.rowPosition[row] + 1 == session.slots[session.rowSlot[row]].count;
}

/// Applies the model's settings to the logits, or logarithmic probabilities, after a slot's text.
void Generation::process(int32_t index, const LogitsWindow &logits) const {
  const halyard_slot &slot = session.slots[index];
  const halyard_request &request = requests[slot.request];
  TextView view = {session.text(index),
                   slot.count,
                   slot.prompt,
                   slot.maxLength,
                   program.source_vocabulary ? request.source : nullptr,
                   program.source_type,
                   request.source_length};
  processLogits(settings, view, logits);
}

/// Appends the best token to a slot's text.
void Generation::choose(int32_t index, float *logits) {
  if (options.on_logits)
    options.on_logits(options.user, session.slots[index].request, logits);
  process(index, {logits, program.vocabulary});
  append(index, argmax(logits, program.vocabulary));
}

void Generation::append(int32_t index, int32_t token) {
  halyard_slot &slot = session.slots[index];
  int32_t *text = session.text(index);
  text[slot.count++] = token;
  bool stop = options.on_token && options.on_token(options.user, slot.request, token);
  if (contains(settings.eos, token))
    finish(index, text, halyard_by_eos);
  else if (slot.count >= slot.maxLength)
    finish(index, text, halyard_by_length);
  else if (stop)
    finish(index, text, halyard_by_caller);
}

/// Hands a slot's text, of `count` tokens, to the caller and frees the slot.
void Generation::finish(int32_t index, const int32_t *text, halyard_ending ending) {
  halyard_slot &slot = session.slots[index];
  halyard_request &request = requests[slot.request];
  request.count = slot.count;
  request.prompt_used = slot.prompt;
  request.ending = ending;
  int32_t stored = slot.count < request.capacity ? slot.count : request.capacity;
  if (request.tokens && stored > 0)
    memcpy(request.tokens, text, size_t(stored) * sizeof(int32_t));
  slot.request = -1;
}

int Generation::run() {
  if (int status = checkOptions())
    return status;
  for (int32_t i = 0; i < program.slots; ++i)
    session.slots[i].request = -1;
  for (int32_t i = 0; i < count; ++i) {
    requests[i].count = requests[i].prompt_used = 0;
    requests[i].ending = halyard_running;
    if (int status = check(i))
      return status;
  }
  for (int32_t next = 0;;) {
    if (int status = admit(next))
      return status;
    int32_t rows = gatherRows();
    if (rows == 0)
      return halyard_ok;
    if (int status = step(rows))
      return status;
  }
}

} // namespace halyard::rt

int halyard_generate(halyard_session *session, halyard_request *requests, int32_t count,
                     const halyard_options *options, halyard_error *error) {
  halyard_options defaults = {};
  halyard_error ignored;
  halyard_error &reported = error ? *error : ignored;
  reported = {halyard_ok, -1, 0, 0};
  return halyard::rt::Generation(*session, requests, count, options ? *options : defaults, reported).run();
}
