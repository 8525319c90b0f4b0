// Answers questions; see the header. Uses malloc and nothing of the C++ library, so that a program stays
// small.
#include "Answer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace {

double now() {
#ifdef CLOCK_MONOTONIC
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
#else
  return double(clock()) / CLOCKS_PER_SEC;
#endif
}

uint64_t padded(uint64_t bytes) { return (bytes + 7) / 8 * 8; }

template <typename T> T *allocate(uint64_t count) {
  return static_cast<T *>(calloc(count ? count : 1, sizeof(T)));
}

/// Reads the parts of a question.
class Reader {
public:
  Reader(const void *data, uint64_t bytes) : at(static_cast<const uint8_t *>(data)), left(bytes) {}

  /// The next part, null if the question ends before it does.
  const void *next(uint64_t bytes) {
    if (padded(bytes) > left)
      return nullptr;
    const void *part = at;
    at += padded(bytes);
    left -= padded(bytes);
    return part;
  }

private:
  const uint8_t *at;
  uint64_t left;
};

/// What is collected of a text besides what its request holds.
struct Text {
  float *logits = nullptr;
  int64_t steps = 0, room = 0;
  int32_t memoryRows = 0;
};

class Answering {
public:
  Answering(const halyard_program &program, const halyard_weights &weights, halyard_answer_to to)
      : program(program), weights(weights), to(to) {}
  ~Answering();

  void run(const void *data, uint64_t bytes);

private:
  bool read(Reader reader);
  bool open();
  bool generate();
  bool addLogitsOfTexts();
  void write();
  void part(const void *data, uint64_t bytes);
  void addLogits(int32_t index, const float *logits);
  bool fail(int32_t status, int32_t request = -1, int64_t got = 0) {
    error = {status, request, got, 0};
    return false;
  }
  bool wants(uint32_t bit) const { return question.wants & bit; }

  const halyard_program &program;
  const halyard_weights &weights;
  halyard_answer_to to;
  halyard_question question = {};
  halyard_request *requests = nullptr;
  Text *texts = nullptr;
  void *memory = nullptr;
  halyard_session *session = nullptr;
  halyard_error error = {};
  double started = 0, firstToken = 0, generated = 0;
  int64_t newTokens = 0;
};

} // namespace

Answering::~Answering() {
  halyard_session_close(session);
  for (int32_t i = 0; requests && texts && i < question.texts; ++i) {
    free(requests[i].tokens);
    free(requests[i].memory);
    free(texts[i].logits);
  }
  free(requests);
  free(texts);
  free(memory);
}

bool Answering::read(Reader reader) {
  const void *head = reader.next(sizeof(question));
  if (!head || static_cast<const halyard_question *>(head)->abi != HALYARD_ABI)
    return fail(halyard_bad_abi);
  memcpy(&question, head, sizeof(question));
  const void *prompt = reader.next(uint64_t(question.prompt_count) * sizeof(int32_t));
  requests = allocate<halyard_request>(uint64_t(question.texts));
  texts = allocate<Text>(uint64_t(question.texts));
  if (!requests || !texts)
    return fail(halyard_bad_memory);
  for (int32_t i = 0; i < question.texts; ++i) {
    halyard_request &request = requests[i];
    const auto *text = static_cast<const halyard_question_text *>(reader.next(sizeof(halyard_question_text)));
    if (!prompt || !text || !(request.source = reader.next(text->bytes)))
      return fail(halyard_bad_option);
    request.source_length = text->length;
    if (text->mask_length)
      request.source_mask = static_cast<const uint8_t *>(reader.next(uint64_t(text->mask_length)));
    request.prompt = question.prompt_count ? static_cast<const int32_t *>(prompt) : nullptr;
    request.prompt_count = question.prompt_count;
    request.capacity = program.max_target + 1;
    request.tokens = allocate<int32_t>(uint64_t(request.capacity));
    if (wants(HALYARD_WANTS_MEMORY) && text->length > 0 && text->length <= program.max_source) {
      texts[i].memoryRows = program.memory_rows(text->length);
      request.memory = allocate<float>(uint64_t(texts[i].memoryRows) * uint64_t(program.memory_features));
    }
    if (!request.tokens || (texts[i].memoryRows && !request.memory))
      return fail(halyard_bad_memory);
  }
  return true;
}

bool Answering::open() {
  uint64_t bytes = halyard_session_bytes(&program);
  memory = aligned_alloc(HALYARD_ALIGNMENT, bytes);
  int status = halyard_session_init(&program, &weights, memory, bytes, &session);
  return !status || fail(status);
}

void Answering::addLogits(int32_t index, const float *logits) {
  Text &text = texts[index];
  uint64_t row = uint64_t(program.vocabulary) * sizeof(float);
  if (text.steps == text.room) {
    text.room = text.room ? 2 * text.room : 16;
    void *more = realloc(text.logits, uint64_t(text.room) * row);
    if (!more)
      abort(); // within a callback there is nothing better to do
    text.logits = static_cast<float *>(more);
  }
  memcpy(text.logits + text.steps++ * program.vocabulary, logits, row);
}

bool Answering::generate() {
  halyard_options options = {};
  options.max_new_tokens = question.max_new_tokens;
  options.num_beams = question.num_beams;
  options.user = this;
  if (wants(HALYARD_WANTS_LOGITS) && question.num_beams <= 1)
    options.on_logits = [](void *user, int32_t index, const float *logits) {
      static_cast<Answering *>(user)->addLogits(index, logits);
    };
  options.on_token = [](void *user, int32_t, int32_t) {
    auto *self = static_cast<Answering *>(user);
    if (self->newTokens++ == 0)
      self->firstToken = now() - self->started;
    return 0;
  };
  started = now();
  if (halyard_generate(session, requests, question.texts, &options, &error))
    return false;
  generated = now() - started;
  return !wants(HALYARD_WANTS_LOGITS) || question.num_beams <= 1 || addLogitsOfTexts();
}

bool Answering::addLogitsOfTexts() {
  for (int32_t i = 0; i < question.texts; ++i) {
    const halyard_request &request = requests[i];
    texts[i].steps = request.count - request.prompt_used;
    texts[i].logits = allocate<float>(uint64_t(texts[i].steps) * uint64_t(program.vocabulary));
    if (!texts[i].logits)
      return fail(halyard_bad_memory);
    int32_t status = halyard_text_logits(program, weights, halyard_session_arena(session), request,
                                         request.tokens, request.count, request.prompt_used, texts[i].logits);
    if (status)
      return fail(status < 0 ? status : halyard_kernel_failed, i, status);
  }
  return true;
}

void Answering::part(const void *data, uint64_t bytes) {
  static const uint8_t zeros[8] = {};
  if (bytes)
    to.write(to.user, data, bytes);
  if (padded(bytes) != bytes)
    to.write(to.user, zeros, padded(bytes) - bytes);
}

void Answering::write() {
  halyard_answer head = {0, -1, 0, 0, firstToken, generated, newTokens};
  part(&head, sizeof(head));
  for (int32_t i = 0; i < question.texts; ++i) {
    halyard_answer_text text = {requests[i].count, texts[i].memoryRows, texts[i].steps};
    part(&text, sizeof(text));
    part(requests[i].tokens, uint64_t(text.tokens) * sizeof(int32_t));
    part(texts[i].logits, uint64_t(text.steps) * uint64_t(program.vocabulary) * sizeof(float));
    part(requests[i].memory, uint64_t(text.memory_rows) * uint64_t(program.memory_features) * sizeof(float));
  }
}

void Answering::run(const void *data, uint64_t bytes) {
  if (read(Reader(data, bytes)) && open() && generate())
    write();
  else
    halyard_answer_error(error, to);
}

void halyard_answer_question(const halyard_program &program, const halyard_weights &weights,
                             const void *question, uint64_t bytes, halyard_answer_to to) {
  Answering(program, weights, to).run(question, bytes);
}

void halyard_answer_error(const halyard_error &error, halyard_answer_to to) {
  halyard_answer head = {error.status, error.request, error.got, error.limit, 0, 0, 0};
  to.write(to.user, &head, sizeof(head));
}

/// Gives the whole text to the model, as many rows at a time as a step takes.
int32_t halyard_text_logits(const halyard_program &program, const halyard_weights &weights, void *arena,
                            const halyard_request &source, const int32_t *tokens, int32_t count,
                            int32_t prompt, float *logits) {
  halyard_source encoded = {/*slot=*/0, source.source_length, source.source, source.source_mask, nullptr};
  int32_t status = program.encode(arena, weights.data, 1, &encoded);
  int32_t most = program.max_rows, last = count - 1; // it is chosen, but nothing follows it
  auto *slots = allocate<int32_t>(uint64_t(most)), *positions = allocate<int32_t>(uint64_t(most));
  auto *rowLogits = allocate<float>(uint64_t(most) * uint64_t(program.vocabulary));
  if (!slots || !positions || !rowLogits)
    status = halyard_bad_memory;
  for (int32_t begin = 0; !status && begin < last; begin += most) {
    int32_t rows = last - begin < most ? last - begin : most;
    for (int32_t i = 0; i < rows; ++i)
      positions[i] = begin + i;
    status = program.step(arena, weights.data, rows, tokens + begin, slots, positions, rowLogits);
    for (int32_t i = 0; !status && i < rows; ++i) // those before predict tokens of the prompt
      if (begin + i >= prompt - 1)
        memcpy(logits + int64_t(begin + i - (prompt - 1)) * program.vocabulary,
               rowLogits + int64_t(i) * program.vocabulary, uint64_t(program.vocabulary) * sizeof(float));
  }
  free(slots);
  free(positions);
  free(rowLogits);
  return status;
}
