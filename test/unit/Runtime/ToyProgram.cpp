// A model of a few lines that stands in for a compiled one; see the header.
#include "ToyProgram.h"

#include "halyard/kernel.h"
#include "halyard/weights.h"

#include <algorithm>

namespace toy {

int encodes = 0, mostSources = 0, steps = 0, mostRows = 0, screens = 0, rescores = 0, heads = 0;
float slack = 0;

namespace {

constexpr uint64_t kStateOffset = halyard_arena_header_bytes(kSlots, kMaxTarget, 0);
constexpr uint64_t kCrossOffset = kStateOffset + halyard_aligned(kSlots * kMaxTarget * sizeof(int32_t));

uint32_t mix(uint32_t hash, uint32_t value) {
  hash = (hash ^ value) * 0x9e3779b1u;
  return hash ^ (hash >> 15);
}

template <typename T> uint32_t mixAll(uint32_t hash, const T *values, int32_t count) {
  for (int32_t i = 0; i < count; ++i)
    hash = mix(hash, uint32_t(values[i]));
  return hash;
}

/// Values between -4 and 4; the end token is a bit more likely than the others.
void logitsOf(uint32_t hash, float *out) {
  for (int32_t v = 0; v < kVocabulary; ++v)
    out[v] = float(mix(hash, uint32_t(v) + 100) % 65536) / 8192 - 4 + (v == kEnd ? 0.5f : 0.0f);
}

void encodeInto(uint32_t *cross, void *arena, const halyard_source &source) {
  ++encodes;
  const int64_t *ids = static_cast<const int64_t *>(source.data);
  uint32_t hash = mixAll(7, ids, source.length);
  halyard_store_rows(cross, 1, sizeof(hash), source.slot, 1, &hash);
  for (int32_t i = 0; source.memory && i < source.length; ++i)
    source.memory[i] = float(ids[i]);
  halyard_bind_slot(arena, source.slot, source.length);
}

int encode(void *arena, const void *, int32_t count, const halyard_source *sources) {
  if (int status = halyard_check_encode(&program(), arena, count, sources))
    return status;
  mostSources = std::max(mostSources, int(count));
  for (int32_t i = 0; i < count; ++i)
    encodeInto(halyard::rt::at<uint32_t>(arena, kCrossOffset), arena, sources[i]);
  return 0;
}

int step(void *arena, const void *, int32_t rows, const int32_t *token, const int32_t *slot,
         const int32_t *position, float *logits) {
  if (int status = halyard_check_step(&program(), arena, rows, token, slot, position))
    return status;
  ++steps;
  mostRows = std::max(mostRows, int(rows));
  int32_t *state = halyard::rt::at<int32_t>(arena, kStateOffset);
  halyard_append_rows(state, kMaxTarget, sizeof(int32_t), rows, slot, position, token, sizeof(int32_t));
  int32_t lengths[kMaxRows];
  halyard_target_lengths(rows, position, lengths);
  for (int32_t i = 0; i < rows; ++i) {
    uint32_t hash = halyard::rt::at<uint32_t>(arena, kCrossOffset)[slot[i]];
    logitsOf(mixAll(hash, state + slot[i] * kMaxTarget, lengths[i]), logits + i * kVocabulary);
  }
  return 0;
}

constexpr int32_t kColumns = 4;
/// Logits of the last step of the screened program, as a compiled one would keep the rows of its head.
float lastLogits[kMaxRows * kVocabulary];

int screenedStep(void *arena, const void *weights, int32_t rows, const int32_t *token, const int32_t *slot,
                 const int32_t *position, float *logits) {
  int status = step(arena, weights, rows, token, slot, position, lastLogits);
  if (logits)
    std::copy_n(lastLogits, rows * kVocabulary, logits);
  return status;
}

int screen(void *, const void *, int32_t rows, float *bounds) {
  ++screens;
  for (int32_t i = 0; i < rows * kVocabulary; ++i)
    bounds[i] = lastLogits[i] + slack * float(mix(uint32_t(i), uint32_t(steps)) % 1024) / 1024;
  return 0;
}

int rescore(void *, const void *, int32_t row, int32_t unit, float *logits) {
  ++rescores;
  for (int32_t i = 0; i < kColumns; ++i) {
    int32_t token = unit * kColumns + i;
    logits[i] = token < kVocabulary ? lastLogits[row * kVocabulary + token] : 1000; // filled up with anything
  }
  return 0;
}

int head(void *, const void *, int32_t rows, float *logits) {
  ++heads;
  std::copy_n(lastLogits, rows * kVocabulary, logits);
  return 0;
}

constexpr uint64_t kRecomputeCross = halyard_arena_header_bytes(kSlots, kMaxTarget, HALYARD_KEEPS_TOKENS);

int recomputingEncode(void *arena, const void *, int32_t count, const halyard_source *sources) {
  for (int32_t i = 0; i < count; ++i)
    encodeInto(halyard::rt::at<uint32_t>(arena, kRecomputeCross), arena, sources[i]);
  return 0;
}

int recomputingStep(void *arena, const void *, int32_t rows, const int32_t *token, const int32_t *slot,
                    const int32_t *position, float *logits) {
  for (int32_t i = 0; i < rows; ++i) {
    const int64_t *text = halyard_keep_token(arena, slot[i], position[i], token[i]);
    uint32_t hash = halyard::rt::at<uint32_t>(arena, kRecomputeCross)[slot[i]];
    logitsOf(mixAll(hash, text, position[i] + 1), logits + i * kVocabulary);
  }
  return 0;
}

int32_t memoryRows(int32_t sourceLength) { return sourceLength; }

struct alignas(HALYARD_ALIGNMENT) WeightsFile {
  halyard_weights_header header;
  float values[16];
};

const WeightsFile &weightsFile() {
  static WeightsFile file = [] {
    WeightsFile made = {};
    for (int i = 0; i < 16; ++i)
      made.values[i] = float(i);
    made.header.magic = HALYARD_WEIGHTS_MAGIC;
    made.header.abi = HALYARD_ABI;
    made.header.bytes = sizeof(made);
    halyard_checksum sum = halyard_checksum_begin();
    halyard_checksum_add(&sum, made.values, sizeof(made.values));
    made.header.checksum = halyard_checksum_end(&sum);
    return made;
  }();
  return file;
}

const int32_t kEnds[] = {kEnd};
const halyard_rows kState = {"tokens", kStateOffset, kMaxTarget, sizeof(int32_t), 1};
const halyard_rows kCross = {"source", kCrossOffset, 1, sizeof(uint32_t), 1};
const halyard_rows kRecomputingCross = {"source", kRecomputeCross, 1, sizeof(uint32_t), 1};

halyard_program makeProgram() {
  halyard_program made = {};
  made.abi = HALYARD_ABI;
  made.name = "toy";
  made.vocabulary = kVocabulary;
  made.max_source = kMaxSource;
  made.max_target = kMaxTarget;
  made.max_rows = kMaxRows;
  made.slots = kSlots;
  made.source_rank = 2;
  made.source_type = halyard_i64;
  made.source_shape[0] = made.source_shape[2] = made.source_shape[3] = 1;
  made.source_shape[1] = -1;
  made.source_name = "input_ids";
  made.source_vocabulary = 50;
  made.memory_features = 1;
  made.memory_rows = memoryRows;
  made.weights_bytes = sizeof(WeightsFile);
  made.weights_checksum = weightsFile().header.checksum;
  made.arena_bytes = Program::shape.arenaBytes;
  made.encode = encode;
  made.step = step;
  made.state_count = 1;
  made.states = &kState;
  made.cross_count = 1;
  made.crosses = &kCross;
  made.generation = noSettings();
  made.generation.decoder_start = kStart;
  made.generation.eos = {kEnds, 1};
  return made;
}

halyard_program makeScreenedProgram() {
  halyard_program made = makeProgram();
  made.step = screenedStep;
  made.screen_columns = kColumns;
  made.screen_rows = made.max_rows;
  made.screen = screen;
  made.rescore = rescore;
  made.head = head;
  return made;
}

halyard_program makeRecomputingProgram() {
  halyard_program made = makeProgram();
  made.flags = HALYARD_KEEPS_TOKENS;
  made.state_count = 0;
  made.crosses = &kRecomputingCross;
  made.arena_bytes = kRecomputeCross + HALYARD_ALIGNMENT;
  made.encode = recomputingEncode;
  made.step = recomputingStep;
  return made;
}

} // namespace

const halyard_program &program() {
  static const halyard_program made = makeProgram();
  return made;
}

const halyard_program &screenedProgram() {
  static const halyard_program made = makeScreenedProgram();
  return made;
}

const halyard_program &recomputingProgram() {
  static const halyard_program made = makeRecomputingProgram();
  return made;
}

const halyard_weights &weights() {
  static const halyard_weights made = {&weightsFile(), sizeof(WeightsFile), 0};
  return made;
}

halyard_generation noSettings() {
  halyard_generation made = {};
  made.decoder_start = made.pad = made.forced_bos = -1;
  made.repetition_penalty = made.encoder_repetition_penalty = made.length_penalty = 1;
  made.num_beams = 1;
  return made;
}

std::vector<float> logits(const std::vector<int64_t> &source, const std::vector<int32_t> &text) {
  std::vector<float> out(kVocabulary);
  uint32_t hash = mixAll(7, source.data(), int32_t(source.size()));
  logitsOf(mixAll(hash, text.data(), int32_t(text.size())), out.data());
  return out;
}

std::vector<int32_t> greedy(const std::vector<int64_t> &source, std::vector<int32_t> prompt,
                            int32_t newTokens) {
  for (int32_t i = 0; i < newTokens; ++i) {
    std::vector<float> all = logits(source, prompt);
    prompt.push_back(int32_t(std::max_element(all.begin(), all.end()) - all.begin()));
    if (prompt.back() == kEnd)
      break;
  }
  return prompt;
}

} // namespace toy
