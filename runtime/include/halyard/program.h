/* The binary interface between a compiled model and everything that runs it.
 *
 * An artifact NAME exports one constant, `const halyard_program NAME_program`. It says how large the model's
 * memory is and holds its two functions: `encode` reads sources, each once into a slot, and `step` computes
 * the logits of a number of rows, each one token of one slot at one position. Batches, prompts, beams and
 * drafts are all rows of the same call. Neither function allocates, throws, reads a file or needs a thread.
 *
 * Memory: all that a program writes lies in one arena of `arena_bytes`, owned by the caller and aligned to
 * HALYARD_ALIGNMENT: a header (arena.h), then states, cross values and scratch. Weights are read only,
 * aligned alike. Plain C99; included by generated code, by the runtime and by firmware.
 */
#ifndef HALYARD_PROGRAM_H
#define HALYARD_PROGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with every change of the structs below; a runtime refuses a program of another number. */
#define HALYARD_ABI 6u

/* Alignment in bytes of an arena, of weights in memory and of everything laid out inside them. */
#define HALYARD_ALIGNMENT 64

/* Element type of a program's source. */
typedef enum halyard_element { halyard_i64 = 0, halyard_i32 = 1, halyard_f32 = 2 } halyard_element;

/* A list of token ids in constant memory. */
typedef struct halyard_ids {
  const int32_t *data;
  int32_t count;
} halyard_ids;

/* How to choose tokens: the settings of generation_config.json that change what greedy search and beam search
 * return, with their meaning in Hugging Face transformers. An id of -1, a length or size of 0 and an empty
 * list mean "not set"; a penalty of 1 does nothing. */
typedef struct halyard_generation {
  int32_t decoder_start; /* first token of a text when the caller gives no prompt */
  int32_t pad;
  halyard_ids eos;            /* any of them ends a text */
  int32_t forced_bos;         /* the token after a prompt of one token */
  halyard_ids forced_eos;     /* the last token of a text of full length */
  halyard_ids suppress;       /* never chosen */
  halyard_ids begin_suppress; /* not chosen as the first token after the prompt */
  halyard_ids
      forced_decoder; /* pairs (index, token): with decoder_start, the default prompt; index counts from 0 */
  halyard_ids bad_words;  /* sequences never completed, each as its length followed by its tokens */
  int32_t min_length;     /* in tokens, prompt included */
  int32_t min_new_tokens; /* prompt not included */
  int32_t max_length;     /* prompt included */
  int32_t max_new_tokens; /* prompt not included; goes before max_length */
  int32_t no_repeat_ngram;
  int32_t encoder_no_repeat_ngram; /* n-grams of the source; token sources only */
  float repetition_penalty;
  float encoder_repetition_penalty; /* token sources only */
  int32_t num_beams; /* what the files say; a search is greedy unless asked otherwise, see session.h */
  float length_penalty;
  int32_t early_stopping; /* 0: false, 1: true, 2: "never" */
} halyard_generation;

/* Rows kept per slot: where a state or a cross value lies in the arena. Slot i begins at
 * offset + i * rows * row_bytes. */
typedef struct halyard_rows {
  const char *name;
  uint64_t offset; /* bytes from the arena's beginning */
  int32_t rows;    /* most rows of one slot */
  int32_t row_bytes;
  int32_t block_rows; /* so many rows are one piece of memory, in an order of its own */
} halyard_rows;

/* Bits of halyard_program.flags. */
enum {
  /* A step computes a slot's whole text again: the arena's header keeps the tokens of every slot. */
  HALYARD_KEEPS_TOKENS = 1,
  /* Padding is part of a source, and a mask says where it is: the encoder's rows depend on both. Programs
   * without this bit take sources without padding, and no mask. */
  HALYARD_READS_MASK = 2
};

/* A source to be encoded. */
typedef struct halyard_source {
  int32_t slot;        /* whose contents it replaces */
  int32_t length;      /* 1 .. max_source */
  const void *data;    /* of the program's source type and shape */
  const uint8_t *mask; /* null, or with HALYARD_READS_MASK a byte for each position, 0 where it is padding */
  float *memory;       /* receives the encoder's output; may be null */
} halyard_source;

typedef struct halyard_program {
  uint32_t abi; /* HALYARD_ABI */
  uint32_t flags;
  const char *name;

  int32_t vocabulary; /* logits per row */
  int32_t max_source; /* largest source length */
  int32_t max_target; /* positions are 0 .. max_target - 1 */
  int32_t max_rows;   /* most rows of one step */
  int32_t slots;      /* texts in flight at once; slots are 0 .. slots - 1 */

  /* The source: a row-major array of shape `source_shape`, whose batch extent (1) is written out. The extent
   * that is the source length is -1; when no extent is, the source length is 1. Shapes are filled up with 1.
   */
  int32_t source_rank; /* 1 .. 4 */
  int32_t source_type; /* halyard_element */
  int64_t source_shape[4];
  const char *source_name;   /* the input's name in the ONNX file */
  int32_t source_vocabulary; /* token sources: ids are 0 .. source_vocabulary - 1; otherwise 0 */

  /* The encoder's output: [memory_rows(source length), memory_features] floats. */
  int32_t memory_features;
  int32_t (*memory_rows)(int32_t source_length);

  uint64_t weights_bytes;    /* of the whole file, header (weights.h) included */
  uint64_t weights_checksum; /* of what follows the header */
  uint64_t arena_bytes;

  /* Reads `count` sources, each into its slot. Several cost less at a time than one by one, and give the same
   * bits. Nothing is encoded if one of them cannot be. Returns 0, a halyard_status, or the code of a kernel
   * that failed. */
  int (*encode)(void *arena, const void *weights, int32_t count, const halyard_source *sources);

  /* Computes logits [rows, vocabulary] of `rows` tokens. Rows of one slot stand in ascending order of
   * position, and every earlier position of their slot was given before, in this call or another. Giving a
   * position again replaces it. Returns as `encode`. */
  int (*step)(void *arena, const void *weights, int32_t rows, const int32_t *token, const int32_t *slot,
              const int32_t *position, float *logits);

  /* For greedy search, which wants one logit of each row: null and 0, or three functions about the rows of
   * the last step, whose logits need not have been asked for (`logits` of step may then be null).
   *
   * `screen` computes bounds [rows, vocabulary]: no logit is above its bound. `rescore` computes
   * `screen_columns` (at most 64) logits of one row, from column unit * screen_columns on, with the bits that
   * step gives them; there are units for all of the vocabulary, the last of which may be filled up with any
   * values. Several threads may call it at a time. `head` computes the logits of all rows. Return as
   * `encode`. */
  int32_t screen_columns;
  int32_t screen_rows; /* more rows at a time than these are faster with `head` alone */
  int (*screen)(void *arena, const void *weights, int32_t rows, float *bounds);
  int (*rescore)(void *arena, const void *weights, int32_t row, int32_t unit, float *logits);
  int (*head)(void *arena, const void *weights, int32_t rows, float *logits);

  halyard_generation generation; /* defaults, from the model's files */

  /* What a slot holds, for copying one slot to another. */
  int32_t state_count;
  const halyard_rows *states; /* grow by one row a position */
  int32_t cross_count;
  const halyard_rows *crosses; /* written by encode */

  /* Null if the program's memory is the arena. Otherwise the arena is a header only, states and cross values
   * lie elsewhere, at the same offsets (device.h): `choose` gives the best token of each row of the last
   * step, whose logits need not have been asked for; `move` copies from one offset to another; `release`
   * frees what belongs to the arena, which may then be used anew. */
  int (*choose)(void *arena, int32_t rows, int32_t *token);
  int (*move)(void *arena, uint64_t to, uint64_t from, uint64_t bytes);
  void (*release)(void *arena);
} halyard_program;

/* What every function of a program and of the runtime returns. */
typedef enum halyard_status {
  halyard_ok = 0,
  halyard_bad_abi = -1,        /* program of another HALYARD_ABI */
  halyard_bad_memory = -2,     /* memory missing, too small or not aligned */
  halyard_bad_weights = -3,    /* weights of another model, truncated or damaged */
  halyard_bad_slot = -4,       /* slot out of range */
  halyard_bad_source = -5,     /* source length out of range */
  halyard_bad_source_id = -6,  /* source token out of the vocabulary */
  halyard_bad_rows = -7,       /* more rows than max_rows, or fewer than one */
  halyard_bad_token = -8,      /* decoder token out of the vocabulary */
  halyard_bad_position = -9,   /* position not below max_target */
  halyard_bad_prompt = -10,    /* empty, or the model has no start token */
  halyard_too_long = -11,      /* prompt and new tokens exceed max_target */
  halyard_bad_option = -12,    /* an option out of its range */
  halyard_cannot_read = -13,   /* weights file cannot be opened or mapped */
  halyard_kernel_failed = -14, /* a kernel reported an error */
  halyard_bad_beams = -15,     /* more beams than slots, or fewer than one */
  halyard_bad_mask = -16,      /* a mask for a program that reads none */
  halyard_no_driver = -17,     /* the library by which the program's device is reached is missing */
  halyard_no_device = -18,     /* there is no device that can run the program */
  halyard_device_failed = -19  /* the device's driver reported an error */
} halyard_status;

#ifdef __cplusplus
} // extern "C"
#endif
#endif
