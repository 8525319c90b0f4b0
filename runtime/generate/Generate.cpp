// Greedy generation of any number of texts over the slots of a session.
//
// Every step serves all texts in flight: a text that is new contributes the rows of its prompt, the others
// one row each, as many as the program takes in one call. A text that ends frees its slot for the next
// request, whose source is then encoded. Nothing here allocates: texts live in the session, results in the
// caller's memory.
#include "LogitsProcessors.h"
#include "Session.h"

#include <string.h>

using namespace halyard::rt;

namespace {

/// One call of halyard_generate.
class Generation {
public:
  Generation(halyard_session &session, halyard_request *requests, int32_t count,
             const halyard_options &options, halyard_error &error)
      : session(session), program(*session.program), requests(requests), count(count), options(options),
        settings(options.generation ? *options.generation : session.program->generation), error(error) {}

  int run();

private:
  int fail(int status, int32_t request, int64_t got = 0, int64_t limit = 0) {
    error = {status, request, got, limit};
    return status;
  }
  int check(int32_t index);
  int checkSource(int32_t index);
  int checkPrompt(int32_t index, int32_t &length);
  int32_t defaultPrompt(int32_t *tokens) const;
  int32_t maxLength(int32_t prompt) const;
  int admit(int32_t slot, int32_t index);
  int32_t gatherRows();
  int step(int32_t rows);
  void choose(int32_t slot, float *logits);
  void finish(int32_t slot, halyard_ending ending);

  halyard_session &session;
  const halyard_program &program;
  halyard_request *requests;
  int32_t count;
  const halyard_options &options;
  const halyard_generation &settings;
  halyard_error &error;
};

/// The start token and the forced tokens that follow it without a gap; at most the whole text. `tokens` may
/// be null.
int32_t Generation::defaultPrompt(int32_t *tokens) const {
  if (settings.decoder_start < 0)
    return 0;
  if (tokens)
    tokens[0] = settings.decoder_start;
  int32_t length = 1;
  const halyard_ids &forced = settings.forced_decoder;
  for (int32_t i = 0; i + 1 < forced.count && forced.data[i] == length && forced.data[i + 1] >= 0; i += 2) {
    if (length == program.max_target)
      break;
    if (tokens)
      tokens[length] = forced.data[i + 1];
    ++length;
  }
  return length;
}

/// Tokens of a text of full length. What was asked for is not bounded here, what the model's files say is.
int32_t Generation::maxLength(int32_t prompt) const {
  int32_t room = program.max_target + 1;
  if (options.max_new_tokens)
    return options.max_new_tokens > room ? room + 1 : prompt + options.max_new_tokens;
  int32_t wanted = settings.max_new_tokens ? prompt + settings.max_new_tokens : settings.max_length;
  return wanted > 0 && wanted < room ? wanted : room;
}

int Generation::checkSource(int32_t index) {
  const halyard_request &request = requests[index];
  if (!request.source || request.source_length < 1 || request.source_length > program.max_source)
    return fail(halyard_bad_source, index, request.source ? request.source_length : 0, program.max_source);
  for (int32_t i = 0; program.source_vocabulary && i < request.source_length; ++i) {
    int64_t id = program.source_type == halyard_i64 ? static_cast<const int64_t *>(request.source)[i]
                                                    : static_cast<const int32_t *>(request.source)[i];
    if (id < 0 || id >= program.source_vocabulary)
      return fail(halyard_bad_source_id, index, id, program.source_vocabulary);
  }
  return halyard_ok;
}

int Generation::checkPrompt(int32_t index, int32_t &length) {
  const halyard_request &request = requests[index];
  length = request.prompt ? request.prompt_count : defaultPrompt(nullptr);
  if (length < 1)
    return fail(halyard_bad_prompt, index);
  if (length > program.max_target)
    return fail(halyard_too_long, index, length, program.max_target);
  for (int32_t i = 0; i < length && request.prompt; ++i)
    if (request.prompt[i] < 0 || request.prompt[i] >= program.vocabulary)
      return fail(halyard_bad_token, index, request.prompt[i], program.vocabulary);
  if (!request.prompt && settings.decoder_start >= program.vocabulary)
    return fail(halyard_bad_token, index, settings.decoder_start, program.vocabulary);
  return halyard_ok;
}

int Generation::check(int32_t index) {
  if (int status = checkSource(index))
    return status;
  int32_t prompt = 0;
  if (int status = checkPrompt(index, prompt))
    return status;
  if (options.max_new_tokens && int64_t(prompt) + options.max_new_tokens > int64_t(program.max_target) + 1)
    return fail(halyard_too_long, index, int64_t(prompt) + options.max_new_tokens,
                int64_t(program.max_target) + 1);
  if (maxLength(prompt) <= prompt)
    return fail(halyard_too_long, index, int64_t(prompt) + 1, maxLength(prompt));
  return halyard_ok;
}

int Generation::admit(int32_t slot, int32_t index) {
  halyard_request &request = requests[index];
  int status = program.encode(session.arena, session.weights, slot, request.source, request.source_length,
                              request.memory);
  if (status)
    return fail(status < 0 ? status : halyard_kernel_failed, index, status);
  int32_t *text = session.text(slot);
  int32_t length = request.prompt ? request.prompt_count : defaultPrompt(text);
  if (request.prompt)
    memcpy(text, request.prompt, size_t(length) * sizeof(int32_t));
  session.slots[slot] = {index, length, 0, length, maxLength(length), {0, 0, 0}};
  return halyard_ok;
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

int Generation::step(int32_t rows) {
  int status = program.step(session.arena, session.weights, rows, session.rowToken, session.rowSlot,
                            session.rowPosition, session.logits);
  if (status)
    return fail(status < 0 ? status : halyard_kernel_failed, -1, status);
  for (int32_t row = 0; row < rows; ++row) {
    int32_t slot = session.rowSlot[row];
    if (session.rowPosition[row] + 1 == session.slots[slot].count)
      choose(slot, session.logits + int64_t(row) * program.vocabulary);
  }
  return halyard_ok;
}

/// Appends the best token of the logits after the last token of a text.
void Generation::choose(int32_t index, float *logits) {
  halyard_slot &slot = session.slots[index];
  halyard_request &request = requests[slot.request];
  int32_t *text = session.text(index);
  if (options.on_logits)
    options.on_logits(options.user, slot.request, logits);
  TextView view = {text,
                   slot.count,
                   slot.prompt,
                   slot.maxLength,
                   program.source_vocabulary ? request.source : nullptr,
                   program.source_type,
                   request.source_length};
  processLogits(settings, view, logits, program.vocabulary);
  int32_t token = argmax(logits, program.vocabulary);
  text[slot.count++] = token;
  bool stop = options.on_token && options.on_token(options.user, slot.request, token);
  if (contains(settings.eos, token))
    finish(index, halyard_by_eos);
  else if (slot.count >= slot.maxLength)
    finish(index, halyard_by_length);
  else if (stop)
    finish(index, halyard_by_caller);
}

void Generation::finish(int32_t index, halyard_ending ending) {
  halyard_slot &slot = session.slots[index];
  halyard_request &request = requests[slot.request];
  request.count = slot.count;
  request.prompt_used = slot.prompt;
  request.ending = ending;
  int32_t stored = slot.count < request.capacity ? slot.count : request.capacity;
  if (request.tokens && stored > 0)
    memcpy(request.tokens, session.text(index), size_t(stored) * sizeof(int32_t));
  slot.request = -1;
}

int Generation::run() {
  if (options.max_new_tokens < 0)
    return fail(halyard_bad_option, -1, options.max_new_tokens, 1);
  for (int32_t i = 0; i < program.slots; ++i)
    session.slots[i].request = -1;
  for (int32_t i = 0; i < count; ++i) {
    requests[i].count = requests[i].prompt_used = 0;
    requests[i].ending = halyard_running;
    if (int status = check(i))
      return status;
  }
  for (int32_t next = 0;;) {
    for (int32_t slot = 0; slot < program.slots && next < count; ++slot)
      if (session.slots[slot].request < 0)
        if (int status = admit(slot, next++))
          return status;
    int32_t rows = gatherRows();
    if (rows == 0)
      return halyard_ok;
    if (int status = step(rows))
      return status;
  }
}

} // namespace

int halyard_generate(halyard_session *session, halyard_request *requests, int32_t count,
                     const halyard_options *options, halyard_error *error) {
  halyard_options defaults = {0, nullptr, nullptr, nullptr, nullptr};
  halyard_error ignored;
  halyard_error &reported = error ? *error : ignored;
  reported = {halyard_ok, -1, 0, 0};
  return Generation(*session, requests, count, options ? *options : defaults, reported).run();
}
