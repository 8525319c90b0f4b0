// Texts of different lengths are written as one array each of logits and of encoder outputs; rows that a text
// does not have are zeros.
#include "compiler/driver/RunResults.h"
#include "compiler/driver/Npy.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

namespace halyard::driver {
namespace {

/// Writes [texts, most rows, columns].
bool writeRows(const std::string &path, const std::vector<RunText> &texts, std::vector<float> RunText::*rows,
               int64_t columns, RunError &error) {
  size_t most = 0;
  for (const RunText &text : texts)
    most = std::max(most, (text.*rows).size());
  std::vector<float> all(most * texts.size(), 0.0f);
  for (size_t i = 0; i < texts.size(); ++i)
    std::copy((texts[i].*rows).begin(), (texts[i].*rows).end(), all.begin() + int64_t(i * most));
  std::string what;
  std::vector<int64_t> shape = {int64_t(texts.size()), int64_t(most) / columns, columns};
  if (writeNpy(path, shape, all.data(), what))
    return true;
  error = {path, what, kModelError};
  return false;
}

} // namespace

bool RunResults::write(const RunOptions &options, const halyard_program &program, RunError &error) const {
  if (!options.logits.empty() &&
      !writeRows(options.logits, texts, &RunText::logits, program.vocabulary, error))
    return false;
  if (!options.memory.empty() &&
      !writeRows(options.memory, texts, &RunText::memory, program.memory_features, error))
    return false;
  options.json ? printJson() : print();
  return true;
}

void RunResults::print() const {
  for (const RunText &text : texts) {
    for (size_t i = 0; i < text.tokens.size(); ++i)
      llvm::outs() << (i ? " " : "") << text.tokens[i];
    llvm::outs() << "\n";
  }
}

void RunResults::printJson() const {
  llvm::json::OStream json(llvm::outs());
  json.object([&] {
    json.attributeArray("tokens", [&] {
      for (const RunText &text : texts)
        json.array([&] {
          for (int32_t token : text.tokens)
            json.value(token);
        });
    });
    json.attributeArray("text", [&] {
      for (size_t i = 0; i < texts.size(); ++i)
        json.value("");
    });
    json.attributeObject("timing", [&] {
      json.attribute("load_s", timing.load);
      json.attribute("first_token_ms", timing.firstToken * 1e3);
      json.attribute("generate_ms", timing.generate * 1e3);
      json.attribute("tokens_per_s", timing.generate > 0 ? double(newTokens) / timing.generate : 0.0);
    });
  });
  llvm::outs() << "\n";
}

} // namespace halyard::driver
