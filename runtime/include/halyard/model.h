// Compiled models in C++: `Model` is the weights, `Session` the memory that texts are generated in.
//
// An artifact NAME instantiates both for its program, as NAME::Model and NAME::Session:
//
//   auto model = t5::Model::open("t5.weights");
//   auto session = t5::Session(model);
//   auto text = session.generate(ids, {.max_new_tokens = 64}, [](int32_t token) { return true; });
//   if (!text.ok()) puts(text.message().text);
//
// Nothing throws: whether something worked is asked of the object that was made. Nothing allocates but the
// Session constructor without memory of the caller's. C++17; the designated initialiser above needs C++20 or
// is written as `t5::Options options; options.max_new_tokens = 64;`.
#ifndef HALYARD_MODEL_H
#define HALYARD_MODEL_H

#include "layout.h"
#include "session.h"
#include "threads.h"

#include <new>
#include <type_traits>

namespace halyard {

/// How to generate; see halyard_options and halyard_generation.
struct Options {
  int32_t max_new_tokens = 0;      ///< 0: from the model's files
  const int32_t *prompt = nullptr; ///< the decoder's first tokens; null: from the model's files
  int32_t prompt_count = 0;
  const halyard_generation *generation = nullptr; ///< null: from the model's files
  int32_t num_beams = 0;                          ///< 0, 1: greedy search
  float *memory = nullptr;                        ///< receives the encoder's output
  const uint8_t *sourceMask = nullptr;            ///< see halyard_program.encode
};

struct Message {
  char text[200];
};

/// A generated text. The tokens lie in the session and stay until it generates again.
struct Text {
  halyard_error error = {halyard_ok, -1, 0, 0};
  const int32_t *tokens = nullptr;
  int32_t count = 0;
  int32_t prompt = 0; ///< how many of the tokens are the prompt
  halyard_ending ending = halyard_running;

  bool ok() const { return error.status == halyard_ok; }
  const int32_t *begin() const { return tokens; }
  const int32_t *end() const { return tokens + count; }
  Message message() const {
    Message words;
    halyard_describe(&error, words.text, sizeof(words.text));
    return words;
  }
};

/// The weights of a program. Closed when the object goes; sessions that use it go first.
template <typename Program> class Model {
public:
  /// Maps a weights file. Ask ok() afterwards.
  static Model open(const char *path) {
    Model model;
    model.state = halyard_weights_open(&Program::get(), path, &model.weights);
    return model;
  }
  /// Weights that are in memory already and stay the caller's, aligned to HALYARD_ALIGNMENT.
  static Model fromMemory(const void *data, uint64_t bytes) {
    Model model;
    model.state = halyard_weights_from_memory(&Program::get(), data, bytes, &model.weights);
    return model;
  }
  Model(Model &&other) : weights(other.weights), state(other.state) { other.weights = {nullptr, 0, 0}; }
  Model &operator=(Model &&) = delete;
  ~Model() { halyard_weights_close(&weights); }

  bool ok() const { return state == halyard_ok; }
  int status() const { return state; }
  /// Reads all weights and compares their checksum.
  bool verify() const { return ok() && halyard_weights_verify(&Program::get(), &weights) == halyard_ok; }
  const halyard_weights &get() const { return weights; }

private:
  Model() = default;
  halyard_weights weights = {nullptr, 0, 0};
  int state = halyard_bad_weights;
};

/// Memory in which texts of one model are generated, used by one thread at a time. Outlived by the model.
template <typename Program> class Session {
public:
  using Source = typename Program::Source;

  /// Allocates what it needs, once. Ask ok() afterwards.
  explicit Session(const Model<Program> &model)
      : owned(::operator new(Program::shape.bytes(), std::align_val_t(HALYARD_ALIGNMENT), std::nothrow)) {
    init(model, owned, Program::shape.bytes());
  }
  /// Uses memory of the caller's: `kSessionBytes` of the artifact's header, aligned to HALYARD_ALIGNMENT.
  Session(const Model<Program> &model, void *memory, uint64_t bytes) { init(model, memory, bytes); }
  Session(Session &&other) : owned(other.owned), session(other.session), state(other.state) {
    other.owned = nullptr;
    other.session = nullptr;
  }
  Session &operator=(Session &&) = delete;
  ~Session() {
    halyard_session_close(session);
    if (owned)
      ::operator delete(owned, std::align_val_t(HALYARD_ALIGNMENT));
  }

  bool ok() const { return state == halyard_ok; }
  int status() const { return state; }

  /// Generates the text of one source. `source` is contiguous: anything with data() and size() over `Source`.
  /// `onToken` is called with every new token and returns whether to go on.
  template <typename Elements, typename OnToken>
  Text generate(const Elements &source, const Options &options, OnToken &&onToken) {
    static_assert(std::is_same_v<std::remove_cv_t<std::remove_pointer_t<decltype(source.data())>>, Source>,
                  "the source's elements are of the type that the model's encoder reads: see Source");
    using Callback = std::remove_reference_t<OnToken>;
    halyard_options settings = {};
    settings.max_new_tokens = options.max_new_tokens;
    settings.generation = options.generation;
    settings.num_beams = options.num_beams;
    settings.on_token = [](void *user, int32_t, int32_t token) {
      return (*static_cast<Callback *>(user))(token) ? 0 : 1;
    };
    settings.user = const_cast<void *>(static_cast<const void *>(&onToken));
    return run(source.data(), source.size(), options, settings);
  }
  template <typename Elements> Text generate(const Elements &source, const Options &options = {}) {
    return generate(source, options, [](int32_t) { return true; });
  }

  /// Generates any number of texts together; see halyard_generate.
  halyard_error generate(halyard_request *requests, int32_t count, const halyard_options &options) {
    halyard_error error = {state, -1, 0, 0};
    if (ok())
      halyard_generate(session, requests, count, &options, &error);
    return error;
  }

  /// Null unless ok().
  halyard_session *get() { return session; }

private:
  void init(const Model<Program> &model, void *memory, uint64_t bytes) {
    state = model.ok() ? halyard_session_init(&Program::get(), &model.get(), memory, bytes, &session)
                       : model.status();
  }
  Text run(const Source *source, uint64_t elements, const Options &options, const halyard_options &settings) {
    halyard_request request = {};
    request.source = source;
    request.source_length = halyard_source_length(&Program::get(), elements);
    request.prompt = options.prompt;
    request.prompt_count = options.prompt_count;
    request.memory = options.memory;
    request.source_mask = options.sourceMask;
    Text text;
    text.error = generate(&request, 1, settings);
    if (text.ok()) {
      text.tokens = halyard_session_text(session, 0);
      text.count = request.count;
      text.prompt = request.prompt_used;
      text.ending = static_cast<halyard_ending>(request.ending);
    }
    return text;
  }

  void *owned = nullptr;
  halyard_session *session = nullptr;
  int state = halyard_bad_memory;
};

} // namespace halyard

#endif
