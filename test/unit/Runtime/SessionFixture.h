// A session over a toy program, and batches generated with it.
#ifndef HALYARD_TEST_UNIT_RUNTIME_SESSIONFIXTURE_H
#define HALYARD_TEST_UNIT_RUNTIME_SESSIONFIXTURE_H

#include "ToyProgram.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <new>

using Sources = std::vector<std::vector<int64_t>>;
using Texts = std::vector<std::vector<int32_t>>;

struct FreeAligned {
  void operator()(void *memory) const { ::operator delete(memory, std::align_val_t(HALYARD_ALIGNMENT)); }
};

/// A session in memory that holds something else than zeros.
class Fixture {
public:
  explicit Fixture(const halyard_program &program = toy::program()) : program(program) {
    uint64_t bytes = halyard_session_bytes(&program);
    memory.reset(::operator new(bytes, std::align_val_t(HALYARD_ALIGNMENT)));
    memset(memory.get(), 0xa5, bytes);
    EXPECT_EQ(halyard_session_init(&program, &toy::weights(), memory.get(), bytes, &session), halyard_ok);
  }

  Texts generate(const Sources &sources, halyard_options options = {},
                 const std::vector<int32_t> &prompt = {}) {
    std::vector<halyard_request> requests;
    Texts texts(sources.size(), std::vector<int32_t>(program.max_target + 1));
    for (size_t i = 0; i < sources.size(); ++i) {
      halyard_request request = {};
      request.source = sources[i].data();
      request.source_length = int32_t(sources[i].size());
      request.prompt = prompt.empty() ? nullptr : prompt.data();
      request.prompt_count = int32_t(prompt.size());
      request.tokens = texts[i].data();
      request.capacity = program.max_target + 1;
      requests.push_back(request);
    }
    status = halyard_generate(session, requests.data(), int32_t(requests.size()), &options, &error);
    endings.clear();
    for (size_t i = 0; i < sources.size(); ++i) {
      texts[i].resize(size_t(requests[i].count));
      endings.push_back(requests[i].ending);
    }
    return texts;
  }

  const halyard_program &program;
  std::unique_ptr<void, FreeAligned> memory;
  halyard_session *session = nullptr;
  int status = 0;
  halyard_error error = {};
  std::vector<int32_t> endings;
};

#endif
