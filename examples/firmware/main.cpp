// How English words are pronounced, on a microcontroller: no C library, no heap, no file. Words come from the
// command line of the emulator, and answers are printed, through semihosting.
#include "cortexm/memory.h"
#include "cortexm/semihosting.h"
#include "g2p.h"
#include "halyard/arena.h"

// As in ../g2p/vocabulary.json.
static const char *const phonemes[] = {"",   "",   "AA", "AE", "AH", "AO", "AW", "AY", "B",  "CH", "D",
                                       "DH", "EH", "ER", "EY", "F",  "G",  "HH", "IH", "IY", "JH", "K",
                                       "L",  "M",  "N",  "NG", "OW", "OY", "P",  "R",  "S",  "SH", "T",
                                       "TH", "UH", "UW", "V",  "W",  "Y",  "Z",  "ZH"};
alignas(HALYARD_ALIGNMENT) static uint8_t arena[g2p_ARENA_BYTES];

static int64_t letter(char c) { // ids of ' - . a ... z are 1, 2, 3, 4 ... 29
  return c == '\'' ? 1 : c == '-' ? 2 : c == '.' ? 3 : c - 'a' + 4;
}

static bool pronounce(const char *word, int32_t letters) {
  int64_t source[g2p_MAX_SOURCE];
  for (int32_t i = 0; i < letters; ++i)
    source[i] = letter(word[i]);
  const halyard_source word_read = {/*slot=*/0, letters, source, /*mask=*/nullptr, /*memory=*/nullptr};
  if (g2p_encode(arena, g2p_weights, /*count=*/1, &word_read))
    return false;
  int32_t token = g2p_program.generation.decoder_start, slot = 0;
  for (int32_t position = 0; position + 1 < g2p_program.max_target; ++position) {
    float logits[g2p_VOCABULARY];
    if (g2p_step(arena, g2p_weights, /*rows=*/1, &token, &slot, &position, logits))
      return false;
    token = 0;
    for (int32_t i = 1; i < g2p_VOCABULARY; ++i)
      token = logits[i] > logits[token] ? i : token;
    if (token == g2p_program.generation.eos.data[0])
      break;
    halyard_print(" ");
    halyard_print(phonemes[token]);
  }
  return true;
}

extern "C" uint8_t halyard_stack[], halyard_stack_top[]; // by the linker script

int main() {
  static char line[1024];
  halyard_paint(arena, arena + sizeof(arena));
  halyard_paint(halyard_stack, static_cast<uint8_t *>(__builtin_frame_address(0)) - 256);
  halyard_arena_init(arena, g2p_program.slots, g2p_program.max_target, g2p_program.flags);
  if (halyard_command_line(line, sizeof(line)))
    return 2;
  const char *at = line;
  while (*at && *at != ' ') // the program's own path
    ++at;
  while (*at == ' ') {
    const char *word = ++at;
    while (*at && *at != ' ')
      ++at;
    if (!pronounce(word, int32_t(at - word)))
      return 1;
    halyard_print("\n");
  }
  halyard_print("bytes used: arena ");
  halyard_print_number(uint32_t(halyard_aligned(halyard_used(arena, arena + sizeof(arena)))));
  halyard_print(", stack ");
  halyard_print_number(halyard_stack_used(halyard_stack, halyard_stack_top));
  halyard_print("\n");
  return 0;
}
