// Greedy search over bounds of logits.
//
// Bounds cost less than logits. The best logit is looked for where the largest bound is; after that, only
// tokens whose bound reaches the best logit found can be better, and their logits are computed as well, a few
// at a time. What is chosen is what all logits would choose. Where so many bounds reach it that this does not
// pay, all logits are computed after all, and the next steps do not try.
#include "Generation.h"

#include "halyard/threads.h"

namespace halyard::rt {
namespace {

/// Of a part of the vocabulary, one logit in so many may be computed by itself, which costs some times what
/// it costs among all.
constexpr int32_t kShare = 8;
constexpr int32_t kMostColumns = 64;
/// Parts of the vocabulary that are searched side by side, and units that are passed over together.
constexpr int32_t kParts = 8, kBlock = 32;
constexpr int32_t kLongestPause = 64;
constexpr float kNever = -__builtin_huge_valf();

} // namespace

struct Generation::Best {
  float score = kNever;
  int32_t token = 0;

  void consider(const Best &other) {
    if (other.score > score || (other.score == score && score > kNever && other.token < token))
      *this = other;
  }
};

/// Callers that want logits get all of them, and beam search needs their sum. Counts the steps of a pause.
bool Generation::canScreen(int32_t rows) {
  if (!program.screen_columns || program.screen_columns > kMostColumns || rows > program.screen_rows ||
      beams > 1 || options.on_logits)
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
int Generation::rescore(int32_t row, int32_t unit, Best &best) const {
  float logits[kMostColumns];
  int32_t columns = program.screen_columns, first = unit * columns, left = program.vocabulary - first;
  if (int status = program.rescore(session.arena, session.weights, row, unit, logits))
    return status;
  int32_t count = left < columns ? left : columns;
  process(session.rowSlot[row], {logits, program.vocabulary, first, count});
  int32_t found = argmax(logits, count);
  best.consider({logits[found], first + found});
  return halyard_ok;
}

/// The search for a row's best logit, of which the unit with the largest bound is known. Parts of the
/// vocabulary are searched side by side; what a part computes depends on nothing but its own bounds.
struct Generation::Search {
  const Generation &generation;
  int32_t row, units, likely;
  const float *bounds;
  Best best = {};
  Best found[kParts] = {};
  int32_t computed[kParts] = {};

  int32_t unitsOfPart() const { return (units + kParts - 1) / kParts; }
  int32_t most() const { return unitsOfPart() / kShare; }
  float boundOf(int32_t unit, int32_t count) const {
    int32_t columns = generation.program.screen_columns, first = unit * columns;
    int32_t left = generation.program.vocabulary - first;
    return largestOf(bounds + first, left < count * columns ? left : count * columns);
  }
  int run(int32_t part);
};

int Generation::Search::run(int32_t part) {
  int32_t end = (part + 1) * unitsOfPart();
  if (end > units)
    end = units;
  found[part] = best;
  computed[part] = 0;
  for (int32_t unit = part * unitsOfPart(); unit < end; ++unit) {
    int32_t together = end - unit < kBlock ? end - unit : kBlock;
    if ((unit - part * unitsOfPart()) % kBlock == 0 && boundOf(unit, together) < found[part].score) {
      unit += together - 1;
      continue;
    }
    float bound = boundOf(unit, 1);
    if (unit == likely || bound == kNever || !(bound >= found[part].score))
      continue;
    if (++computed[part] > most())
      return halyard_ok;
    if (int status = generation.rescore(row, unit, found[part]))
      return status;
  }
  return halyard_ok;
}

/// Appends the best token to the text of a row; `screened` becomes false if the logits of all rows, not
/// bounds, are there afterwards.
int Generation::chooseScreened(int32_t row, int32_t rows, bool &screened) {
  int32_t columns = program.screen_columns, vocabulary = program.vocabulary;
  float *bounds = session.logits + int64_t(row) * vocabulary;
  process(session.rowSlot[row], {bounds, vocabulary});
  int32_t units = (vocabulary + columns - 1) / columns, likely = argmax(bounds, vocabulary) / columns;
  Search search = {*this, row, units, likely, bounds};
  int status = rescore(row, search.likely, search.best);
  auto run = [](void *context, int32_t part) -> int32_t { return static_cast<Search *>(context)->run(part); };
  if (!status)
    status = halyard_threads_run(run, &search, kParts);
  if (status)
    return status;
  for (int32_t part = 0; part < kParts; ++part) {
    if (search.computed[part] > search.most())
      return giveUp(row, rows, screened);
    search.best.consider(search.found[part]);
  }
  session.screenPenalty /= 2;
  append(session.rowSlot[row], search.best.token);
  return halyard_ok;
}

/// Computes all logits of the rows, and lets some steps pass before it is tried again.
int Generation::giveUp(int32_t row, int32_t rows, bool &screened) {
  screened = false;
  int32_t longer = 2 * session.screenPenalty + 1;
  session.screenPenalty = session.screenPause = longer < kLongestPause ? longer : kLongestPause;
  if (int status = program.head(session.arena, session.weights, rows, session.logits))
    return status;
  choose(session.rowSlot[row], session.logits + int64_t(row) * program.vocabulary);
  return halyard_ok;
}

} // namespace halyard::rt
