// What is asked of a generation, checked before anything is computed.
#include "Generation.h"

namespace halyard::rt {

/// The start token and the forced tokens that follow it without a gap; at most the whole text.
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

int Generation::checkOptions() {
  if (options.max_new_tokens < 0)
    return fail(halyard_bad_option, -1, options.max_new_tokens, 1);
  if (options.num_beams < 0 || options.num_beams > program.slots)
    return fail(halyard_bad_beams, -1, options.num_beams, program.slots);
  return halyard_ok;
}

int Generation::checkSource(int32_t index) {
  const halyard_request &request = requests[index];
  if (!request.source || request.source_length < 1 || request.source_length > program.max_source)
    return fail(halyard_bad_source, index, request.source ? request.source_length : 0, program.max_source);
  if (request.source_mask && !(program.flags & HALYARD_READS_MASK))
    return fail(halyard_bad_mask, index);
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

} // namespace halyard::rt
