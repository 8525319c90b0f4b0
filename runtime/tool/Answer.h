// What `halyard run` asks of a program and what it is told: one block of bytes each way. The program may be
// in the same process, or run by an emulator and reached through files.
//
// A question is a halyard_question, the prompt (int32), and for every text a halyard_question_text, its
// elements and its mask. An answer is a halyard_answer and, if its status is 0, for every text a
// halyard_answer_text, its tokens (int32), logits and encoder output (float32). Every part is filled up to a
// multiple of 8 bytes. Bytes have the order of the machines, which is little-endian on both sides.
#ifndef HALYARD_TOOL_ANSWER_H
#define HALYARD_TOOL_ANSWER_H

#include "halyard/session.h"

enum { HALYARD_WANTS_LOGITS = 1, HALYARD_WANTS_MEMORY = 2 };

struct halyard_question {
  uint32_t abi; // HALYARD_ABI
  int32_t texts;
  int32_t max_new_tokens, num_beams; // as halyard_options has them
  int32_t prompt_count;              // 0: what the model's files say
  uint32_t wants;
};

struct halyard_question_text {
  int32_t length, mask_length; // no mask: 0
  uint64_t bytes;              // of the elements
};

struct halyard_answer {
  int32_t status, request; // and so on, as halyard_error has them
  int64_t got, limit;
  double first_token, generate; // seconds from the beginning of generation
  int64_t new_tokens;           // of all texts, as they were reported
};

struct halyard_answer_text {
  int32_t tokens, memory_rows; // no encoder output: 0
  int64_t steps;               // rows of logits
};

/// Where an answer goes, part by part.
struct halyard_answer_to {
  void (*write)(void *user, const void *data, uint64_t bytes);
  void *user;
};

/// Answers a question of that many bytes, aligned to 8.
void halyard_answer_question(const halyard_program &program, const halyard_weights &weights,
                             const void *question, uint64_t bytes, halyard_answer_to to);

/// Writes an answer that is an error.
void halyard_answer_error(const halyard_error &error, halyard_answer_to to);

/// The logits of the steps that chose tokens[prompt], tokens[prompt + 1], ..., [count - prompt, vocabulary],
/// of a text that is known already: what beam search, which follows many texts and keeps one, does not say.
/// Uses slot 0 of an arena in which no text is in flight. Returns a halyard_status or a kernel's code.
int32_t halyard_text_logits(const halyard_program &program, const halyard_weights &weights, void *arena,
                            const halyard_request &source, const int32_t *tokens, int32_t count,
                            int32_t prompt, float *logits);

#endif
