// Programs on a device; see halyard/device.h.
#include "Driver.h"
#include "halyard/device.h"

#include "halyard/arena.h"
#include "halyard/kernel.h"

#include <mutex>
#include <new>
#include <stdlib.h>
#include <string.h>

using namespace halyard;

extern "C" int halyard_rows_argmax(halyard_buffer *logits, halyard_buffer *token);

namespace {

/// The weights of a program in the device's memory, for all arenas that were given them.
struct Weights {
  const void *host;
  void *device;
  int32_t uses;
  Weights *next;
};

/// A step for a number of rows.
struct Step {
  bool wasTaken;
  device::Recording *recording;
};

/// What an arena has on the device.
struct State {
  const halyard_device_program *of;
  Weights *weights;
  device::Queue *queue;
  uint8_t *arena;
  /// int32 [3][max_rows], token, slot and position: in memory of the device and of the processor.
  int32_t *rows, *hostRows;
  float *logits;
  /// int32 [max_rows]: the best token of each row, likewise.
  int32_t *chosen, *hostChosen;
  Step *steps; // one more than max_rows
};

std::mutex mutex;
Weights *allWeights = nullptr;

Weights *keepWeights(const void *host, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  for (Weights *at = allWeights; at; at = at->next)
    if (at->host == host)
      return ++at->uses, at;
  auto *made = new (std::nothrow) Weights{host, device::allocate(bytes), 1, allWeights};
  if (!made || !made->device)
    return delete made, nullptr;
  device::upload(made->device, host, bytes);
  return allWeights = made;
}

void dropWeights(Weights *weights) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!weights || --weights->uses)
    return;
  Weights **at = &allWeights;
  while (*at != weights)
    at = &(*at)->next;
  *at = weights->next;
  device::release(weights->device);
  delete weights;
}

halyard_arena &headerOf(void *arena) { return *static_cast<halyard_arena *>(arena); }

void destroy(State *state) {
  if (!state)
    return;
  device::use(state->queue);
  if (state->queue)
    device::finish();
  for (int32_t i = 0; state->steps && i <= state->of->program->max_rows; ++i)
    if (state->steps[i].recording)
      device::forget(state->steps[i].recording);
  free(state->steps);
  for (void *memory :
       {(void *)state->arena, (void *)state->rows, (void *)state->logits, (void *)state->chosen})
    if (memory)
      device::release(memory);
  for (void *memory : {(void *)state->hostRows, (void *)state->hostChosen})
    if (memory)
      device::releaseHost(memory);
  dropWeights(state->weights);
  if (state->queue)
    device::closeQueue(state->queue);
  delete state;
}

/// Memory of all kinds; false if some of it cannot be had.
bool allocate(State &state, const void *weights) {
  const halyard_program &program = *state.of->program;
  uint64_t rows = static_cast<uint64_t>(program.max_rows), bytes = rows * sizeof(int32_t);
  state.queue = device::openQueue();
  if (!state.queue)
    return false;
  state.weights = keepWeights(weights, program.weights_bytes);
  state.arena = static_cast<uint8_t *>(device::allocate(state.of->arena_bytes));
  state.rows = static_cast<int32_t *>(device::allocate(3 * bytes));
  state.hostRows = static_cast<int32_t *>(device::allocateHost(3 * bytes));
  state.logits = static_cast<float *>(
      device::allocate(rows * static_cast<uint64_t>(program.vocabulary) * sizeof(float)));
  state.chosen = static_cast<int32_t *>(device::allocate(bytes));
  state.hostChosen = static_cast<int32_t *>(device::allocateHost(bytes));
  state.steps = static_cast<Step *>(calloc(rows + 1, sizeof(Step)));
  if (!state.weights || !state.arena || !state.rows || !state.hostRows || !state.logits || !state.chosen ||
      !state.hostChosen || !state.steps)
    return false;
  device::clear(state.arena, state.of->arena_bytes);
  return true;
}

/// The state of an arena, made if there is none.
int stateOf(const halyard_device_program *of, void *arena, const void *weights, State *&state) {
  state = static_cast<State *>(headerOf(arena).device);
  if (state) {
    device::open(); // for threads that have not used it before
    device::use(state->queue);
    return halyard_ok;
  }
  if (int status = device::open())
    return status;
  state = new (std::nothrow) State{};
  if (!state)
    return halyard_bad_memory;
  state->of = of;
  if (!allocate(*state, weights)) {
    destroy(state);
    return halyard_bad_memory;
  }
  headerOf(arena).device = state;
  return halyard_ok;
}

uint64_t sourceBytes(const halyard_program &program, int32_t length) {
  uint64_t elements = program.source_type == halyard_i64 ? 8 : 4;
  for (int32_t i = 0; i < program.source_rank; ++i)
    elements *= static_cast<uint64_t>(program.source_shape[i] < 0 ? length : program.source_shape[i]);
  return elements;
}

/// All of a step that happens on the device.
int runStep(State &state, int32_t rows) {
  const halyard_device_program &of = *state.of;
  int32_t most = of.program->max_rows;
  device::upload(state.rows, state.hostRows, 3 * static_cast<uint64_t>(most) * sizeof(int32_t));
  int status = of.step(state.arena, state.weights->device, rows, state.rows, state.rows + most,
                       state.rows + 2 * most, state.logits);
  rt::Tensor<2> logits = rt::tensor<float>(state.logits, rows, of.program->vocabulary);
  rt::Tensor<1> chosen = rt::tensor<int32_t>(state.chosen, rows);
  if (!status)
    status = halyard_rows_argmax(&logits, &chosen);
  device::download(state.hostChosen, state.chosen, static_cast<uint64_t>(rows) * sizeof(int32_t));
  return status;
}

/// The first time, kernels are loaded; the second time, they are recorded.
int takeStep(State &state, int32_t rows) {
  Step &step = state.steps[rows];
  if (!step.recording && step.wasTaken && device::record()) {
    int status = runStep(state, rows);
    step.recording = device::recorded();
    if (status)
      return status;
  }
  if (!step.recording) {
    step.wasTaken = true;
    return runStep(state, rows);
  }
  device::replay(step.recording);
  return halyard_ok;
}

} // namespace

extern "C" {

int halyard_device_encode(const halyard_device_program *of, void *arena, const void *weights,
                          const halyard_source *source) {
  State *state = nullptr;
  if (int status = stateOf(of, arena, weights, state))
    return status;
  const halyard_program &program = *of->program;
  int32_t rows = program.memory_rows(source->length);
  uint64_t bytes = sourceBytes(program, source->length);
  uint64_t memoryBytes = static_cast<uint64_t>(rows) * uint64_t(program.memory_features) * sizeof(float);
  halyard_source there = *source;
  there.data = device::allocate(bytes);
  there.memory = source->memory ? static_cast<float *>(device::allocate(memoryBytes)) : nullptr;
  int status = there.data && (there.memory || !source->memory) ? halyard_ok : halyard_bad_memory;
  if (!status) {
    device::upload(const_cast<void *>(there.data), source->data, bytes);
    status = of->encode(state->arena, state->weights->device, 1, &there);
    if (there.memory && !status)
      device::download(source->memory, there.memory, memoryBytes);
  }
  int finished = device::finish();
  if (there.data)
    device::release(const_cast<void *>(there.data));
  if (there.memory)
    device::release(there.memory);
  status = status ? status : finished;
  if (!status)
    halyard_source_rows(arena)[source->slot] = rows;
  return status;
}

int halyard_device_step(const halyard_device_program *of, void *arena, const void *weights, int32_t rows,
                        const int32_t *token, const int32_t *slot, const int32_t *position, float *logits) {
  State *state = nullptr;
  if (int status = stateOf(of, arena, weights, state))
    return status;
  const halyard_program &program = *of->program;
  size_t bytes = static_cast<size_t>(rows) * sizeof(int32_t);
  memcpy(state->hostRows, token, bytes);
  memcpy(state->hostRows + program.max_rows, slot, bytes);
  memcpy(state->hostRows + 2 * program.max_rows, position, bytes);
  int status = takeStep(*state, rows);
  if (!status && logits)
    device::download(logits, state->logits, uint64_t(rows) * uint64_t(program.vocabulary) * sizeof(float));
  int finished = device::finish();
  return status ? status : finished;
}

int halyard_device_choose(void *arena, int32_t rows, int32_t *token) {
  const State &state = *static_cast<State *>(headerOf(arena).device);
  memcpy(token, state.hostChosen, static_cast<size_t>(rows) * sizeof(int32_t));
  return halyard_ok;
}

int halyard_device_move(void *arena, uint64_t to, uint64_t from, uint64_t bytes) {
  const State &state = *static_cast<State *>(headerOf(arena).device);
  device::open();
  device::use(state.queue);
  device::copy(state.arena + to, state.arena + from, bytes);
  return halyard_ok;
}

void halyard_device_release(void *arena) {
  auto *state = static_cast<State *>(headerOf(arena).device);
  if (state)
    device::open();
  destroy(state);
  headerOf(arena).device = nullptr;
}

void halyard_device_copy(void *to, const void *from, uint64_t bytes) { device::copy(to, from, bytes); }
void halyard_device_upload(void *to, const void *from, uint64_t bytes) { device::upload(to, from, bytes); }
}
