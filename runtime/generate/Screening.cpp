// Greedy search over bounds of logits.
//
// Bounds cost less than logits. The best logit is looked for where the largest bound is; after that, only
// tokens whose bound reaches the best logit found can be better, and their logits are computed as well, a few
// at a time. What is chosen is what all logits would choose. Where so many bounds reach it that this does not
// pay, all logits are computed after all, and the next steps do not try.
#include "Generation.h"

namespace halyard::rt {
namespace {

/// Of the vocabulary's logits, one in so many may be computed one by one before all are: each costs some
/// times what it costs among all. Where more than one in kWorthwhile is needed, bounds do not pay.
constexpr int32_t kMost = 8, kWorthwhile = 32;
constexpr int32_t kMostColumns = 64;
/// Units that are passed over together.
constexpr int32_t kBlock = 32;
constexpr int32_t kLongestPause = 64;
constexpr float kNever = -__builtin_huge_valf();

} // namespace

struct Generation::Best {
  float score = kNever;
  int32_t token = 0;
};

/// Callers that want logits get all of them, and beam search needs their sum. Counts the steps of a pause.
bool Generation::canScreen() {
  if (!program.screen_columns || program.screen_columns > kMostColumns || beams > 1 || options.on_logits)
    return false;
  if (session.screenPause == 0)
    return true;
  --session.screenPause;
  return false;
}

/// Bounds of the rows' logits, if any row wants them.
int Generation::screen(int32_t rows) {
  for (int32_t row = 0; row < rows; ++row)
    if (isLast(row))
      return program.screen(session.arena, session.weights, rows, session.logits);
  return halyard_ok;
}

/// Computes a unit of a row's logits; the best of them, the lowest of equal ones, may become the best found.
int Generation::rescore(int32_t row, int32_t unit, Best &best) {
  float logits[kMostColumns];
  int32_t columns = program.screen_columns, first = unit * columns, left = program.vocabulary - first;
  if (int status = program.rescore(session.arena, session.weights, row, unit, logits))
    return status;
  int32_t count = left < columns ? left : columns;
  process(session.rowSlot[row], {logits, program.vocabulary, first, count});
  int32_t found = argmax(logits, count);
  float score = logits[found];
  if (score > best.score || (score == best.score && score > kNever && first + found < best.token))
    best = {score, first + found};
  return halyard_ok;
}

/// Appends the best token to the text of a row; `screened` becomes false if the logits of all rows, not
/// bounds, are there afterwards.
int Generation::chooseScreened(int32_t row, int32_t rows, bool &screened) {
  int32_t columns = program.screen_columns, vocabulary = program.vocabulary;
  int32_t units = (vocabulary + columns - 1) / columns, computed = 1;
  float *bounds = session.logits + int64_t(row) * vocabulary;
  process(session.rowSlot[row], {bounds, vocabulary});
  int32_t likely = argmax(bounds, vocabulary) / columns;
  Best best;
  int status = rescore(row, likely, best);
  auto boundOf = [&](int32_t unit, int32_t count) {
    int32_t first = unit * columns, left = vocabulary - first;
    return largestOf(bounds + first, left < count * columns ? left : count * columns);
  };
  for (int32_t unit = 0; !status && unit < units; ++unit) {
    if (unit % kBlock == 0 && boundOf(unit, kBlock) < best.score) {
      unit += kBlock - 1; // none of a block
      continue;
    }
    float bound = boundOf(unit, 1);
    if (unit == likely || bound == kNever || !(bound >= best.score))
      continue;
    if (++computed > units / kMost + 1) {
      pause();
      return computeAll(row, rows, screened);
    }
    status = rescore(row, unit, best);
  }
  if (computed > units / kWorthwhile + 1)
    pause();
  else
    session.screenPenalty /= 2;
  if (!status)
    append(session.rowSlot[row], best.token);
  return status;
}

/// Lets some steps pass before bounds are tried again, more each time.
void Generation::pause() {
  int32_t longer = 2 * session.screenPenalty + 1;
  session.screenPenalty = session.screenPause = longer < kLongestPause ? longer : kLongestPause;
}

int Generation::computeAll(int32_t row, int32_t rows, bool &screened) {
  screened = false;
  if (int status = program.head(session.arena, session.weights, rows, session.logits))
    return status;
  choose(session.rowSlot[row], session.logits + int64_t(row) * program.vocabulary);
  return halyard_ok;
}

} // namespace halyard::rt
