/* Running a compiled model: weights, and sessions that generate text from sources.
 *
 * A session is one block of memory, handed over by the caller, that holds the model's arena and the state of
 * all texts in flight. It generates any number of texts at once: as many as the program has slots are decoded
 * together, as rows of the same steps, and the rest wait for a slot to become free. Nothing is allocated
 * after halyard_session_init. Functions return halyard_status; halyard_describe words it. Sessions of one
 * program may be used from different threads, each by one at a time.
 */
#ifndef HALYARD_SESSION_H
#define HALYARD_SESSION_H

#include "program.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Weights of a program in memory, aligned to HALYARD_ALIGNMENT. */
typedef struct halyard_weights {
  const void *data;
  uint64_t bytes;
  int32_t mapped; /* whether halyard_weights_close has something to undo */
} halyard_weights;

/* Maps a weights file; its pages are read when they are first used. Checks size and header against the
 * program. */
int halyard_weights_open(const halyard_program *program, const char *path, halyard_weights *weights);
/* The same for weights that are in memory already, linked into the program or read by the caller, who keeps
 * them. */
int halyard_weights_from_memory(const halyard_program *program, const void *data, uint64_t bytes,
                                halyard_weights *weights);
/* Reads all of the weights and compares their checksum. */
int halyard_weights_verify(const halyard_program *program, const halyard_weights *weights);
void halyard_weights_close(halyard_weights *weights);

typedef struct halyard_session halyard_session;

/* Bytes of memory that a session of the program needs. */
uint64_t halyard_session_bytes(const halyard_program *program);
/* Makes a session in `memory`, which is aligned to HALYARD_ALIGNMENT and stays the caller's, as do the
 * weights. At its end there is nothing to undo but halyard_session_close. */
int halyard_session_init(const halyard_program *program, const halyard_weights *weights, void *memory,
                         uint64_t bytes, halyard_session **session);

/* Frees what a program for a device keeps in the device's memory; nothing for others. */
void halyard_session_close(halyard_session *session);

/* Why a text ended. */
typedef enum halyard_ending {
  halyard_running = 0,
  halyard_by_eos = 1,
  halyard_by_length = 2,
  halyard_by_caller = 3
} halyard_ending;

/* One text to generate. */
typedef struct halyard_request {
  const void *source; /* as the program's source_type and source_shape say; see source_mask for padding */
  int32_t source_length;
  const uint8_t *source_mask; /* null, or as halyard_program.encode reads it */
  const int32_t *prompt;      /* the decoder's first tokens; null: what the model's files say */
  int32_t prompt_count;
  int32_t *tokens; /* receives prompt and new tokens, the end token included; may be null */
  int32_t capacity;
  float
      *memory; /* receives the encoder's output, [memory_rows(source_length), memory_features]; may be null */

  /* Results. */
  int32_t count;       /* tokens of the text; those beyond `capacity` are not stored */
  int32_t prompt_used; /* how many of them are the prompt */
  int32_t ending;      /* halyard_ending */
} halyard_request;

/* How to generate. All zeros asks for what the model's files say. */
typedef struct halyard_options {
  int32_t max_new_tokens;               /* 0: from `generation`, and if that has no limit, all that fit */
  const halyard_generation *generation; /* null: the program's */
  int32_t num_beams;                    /* 0, 1: greedy search; at most as many as the program has slots */
  /* Called with every new token of request `index`; a result other than 0 ends that text. Beam search calls
   * it with all tokens when the text is complete, and for nothing. */
  int (*on_token)(void *user, int32_t index, int32_t token);
  /* Called before it with the logits, [vocabulary], as the model computed them. Not called by beam search. */
  void (*on_logits)(void *user, int32_t index, const float *logits);
  void *user;
} halyard_options;

/* What was wrong. `request` is its index or -1; `got` and `limit` depend on the status. */
typedef struct halyard_error {
  int32_t status;
  int32_t request;
  int64_t got;
  int64_t limit;
} halyard_error;

/* Generates all texts. `options` and `error` may be null. Requests are checked before anything is computed.
 */
int halyard_generate(halyard_session *session, halyard_request *requests, int32_t count,
                     const halyard_options *options, halyard_error *error);

/* The source length of a source of that many elements in all, as program->source_shape says; 0 if no length
 * gives that number. Lengths above max_source are returned like others. */
int32_t halyard_source_length(const halyard_program *program, uint64_t elements);

/* The session's arena, for calling the program's functions directly. */
void *halyard_session_arena(halyard_session *session);

/* The text of the request that was the last to use a slot; valid until the slot's next request. After beam
 * search, the text is that of the first of its beams' slots. */
const int32_t *halyard_session_text(const halyard_session *session, int32_t slot);

/* Words an error into `text`, cut to `size` bytes with its end; returns `text`. */
const char *halyard_describe(const halyard_error *error, char *text, size_t size);

#ifdef __cplusplus
} // extern "C"
#endif
#endif
