// Beam search over slots, with the results of transformers 4.57 (GenerationMixin._beam_search).
//
// A request has as many slots as beams. Its prompt is given to the first slot only; after that every slot
// holds one running text. When the logits of all of them are there, the best continuations over all beams are
// known: those that end a text compete for the finished texts that are kept, one beside each slot, and the
// others run on. The first continuation of a text stays in the text's slot; any further one moves, with a
// copy of what the slot holds, to a slot whose text was not continued. So nothing is copied as long as every
// text has one continuation.
#include "Generation.h"

#include <math.h>
#include <string.h>

namespace halyard::rt {
namespace {

/// The score of what is not there; so low that no sum of logarithmic probabilities reaches it.
constexpr float kNone = -1e9f;

void toLogProbabilities(float *logits, int32_t count) {
  float largest = logits[argmax(logits, count)], sum = 0;
  for (int32_t i = 0; i < count; ++i)
    sum += expf(logits[i] - largest);
  float offset = logf(sum);
  for (int32_t i = 0; i < count; ++i)
    logits[i] = logits[i] - largest - offset;
}

float withLengthPenalty(float score, int32_t length, float penalty) {
  return score / float(pow(double(length), double(penalty)));
}

} // namespace

/// So many that enough are left to run on if every beam's best ones end it.
int32_t Generation::mostCandidates() const {
  int32_t perBeam = settings.eos.count > 1 ? settings.eos.count + 1 : 2;
  return beams * (perBeam < int32_t(kCandidatesPerBeam) ? perBeam : int32_t(kCandidatesPerBeam));
}

/// After the first of a request's slots was set up.
void Generation::beginBeams(int32_t first) {
  halyard_slot *group = session.slots + first;
  for (int32_t i = 0; i < beams; ++i) {
    if (i)
      group[i] = group[0];
    group[i].score = i ? kNone : 0; // all texts are the same at first: only one of them counts
    group[i].finishedScore = kNone;
    group[i].next = -1;
    group[i].bound = i == 0;
    group[i].fed = i ? group[i].count : 0;
  }
  group[0].awaited = 1;
}

/// Keeps the candidates of a request sorted, the best first.
void Generation::addCandidate(int32_t first, const halyard_candidate &candidate) {
  halyard_candidate *list = session.candidates + int64_t(first) * int64_t(kCandidatesPerBeam);
  int32_t &size = session.slots[first].candidates, most = mostCandidates();
  if (size == most && !(candidate.score > list[size - 1].score))
    return;
  int32_t at = size < most ? size++ : size - 1;
  for (; at > 0 && candidate.score > list[at - 1].score; --at)
    list[at] = list[at - 1];
  list[at] = candidate;
}

/// Takes the logits after the text of one slot into account.
void Generation::consider(int32_t index, float *logits) {
  int32_t first = firstOf(index);
  halyard_slot *group = session.slots + first;
  toLogProbabilities(logits, program.vocabulary);
  process(index, {logits, program.vocabulary});
  bool atStart = group[0].count == group[0].prompt; // the one text stands for all beams
  for (int32_t beam = atStart ? 0 : index - first; beam < (atStart ? beams : index - first + 1); ++beam)
    for (int32_t token = 0; token < program.vocabulary; ++token) {
      float score = logits[token] + group[beam].score;
      addCandidate(first, {score == score ? score : -__builtin_huge_valf(), index, token});
    }
  if (--group[0].awaited == 0)
    advance(first);
}

bool Generation::ends(const halyard_candidate &candidate, const halyard_slot &slot) const {
  return slot.count + 1 >= slot.maxLength || contains(settings.eos, candidate.token);
}

/// Of the best candidates, as many as there are beams, those that end a text replace the worst finished ones.
void Generation::keepFinished(int32_t first) {
  halyard_slot *group = session.slots + first;
  const halyard_candidate *list = session.candidates + int64_t(first) * int64_t(kCandidatesPerBeam);
  for (int32_t c = 0; c < beams && c < group[0].candidates; ++c) {
    const halyard_slot &parent = session.slots[list[c].slot];
    if (!ends(list[c], parent))
      continue;
    float score = withLengthPenalty(list[c].score, parent.count + 1 - parent.prompt, settings.length_penalty);
    int32_t worst = 0;
    for (int32_t i = 1; i < beams; ++i)
      if (group[i].finishedScore < group[worst].finishedScore)
        worst = i;
    if (group[worst].finishedCount && !(score > group[worst].finishedScore))
      continue;
    int32_t *text = session.finishedText(first + worst);
    memcpy(text, session.text(list[c].slot), size_t(parent.count) * sizeof(int32_t));
    text[parent.count] = list[c].token;
    group[worst].finishedScore = score;
    group[worst].finishedCount = parent.count + 1;
  }
}

/// Moves the candidates that run on to the front, as many as there are beams, and fills up with such as have
/// ended, which never win. False if all have ended.
bool Generation::selectRunning(int32_t first) {
  halyard_candidate *list = session.candidates + int64_t(first) * int64_t(kCandidatesPerBeam);
  int32_t size = session.slots[first].candidates, running = 0;
  for (int32_t c = 0; c < size && running < beams; ++c)
    if (!ends(list[c], session.slots[list[c].slot])) {
      halyard_candidate chosen = list[c];
      for (int32_t k = c; k > running; --k)
        list[k] = list[k - 1];
      list[running++] = chosen;
    }
  for (int32_t c = running; c < beams; ++c)
    list[c].score += kNone;
  return running > 0;
}

/// Whether a running text may still become better than the worst finished one that is kept. Scores only fall,
/// and the length penalty is taken at the present length, or with `early_stopping` "never" at the most
/// favourable one.
bool Generation::canImprove(int32_t first) const {
  const halyard_slot *group = session.slots + first;
  const halyard_candidate *list = session.candidates + int64_t(first) * int64_t(kCandidatesPerBeam);
  float worst = group[0].finishedScore;
  for (int32_t i = 0; i < beams; ++i) {
    if (!group[i].finishedCount)
      return true;
    worst = fminf(worst, group[i].finishedScore);
  }
  if (settings.early_stopping == 1)
    return false;
  bool never = settings.early_stopping == 2 && settings.length_penalty > 0;
  int32_t length = (never ? group[0].maxLength : group[0].count + 1) - group[0].prompt;
  return withLengthPenalty(list[0].score, length, settings.length_penalty) > worst;
}

/// Makes the model's memory of one slot that of another of the same request, whose text it copies.
void Generation::copySlot(int32_t from, int32_t to) {
  halyard_clear_slot(&program, session.arena, to);
  const halyard_slot &source = session.slots[from];
  auto copy = [&](const halyard_rows &rows, int32_t count) {
    uint8_t *base = session.arena + rows.offset;
    int64_t slotBytes = int64_t(rows.rows) * rows.row_bytes;
    int32_t whole = (count + rows.block_rows - 1) / rows.block_rows * rows.block_rows;
    size_t bytes = size_t(whole < rows.rows ? whole : rows.rows) * size_t(rows.row_bytes);
    if (program.move)
      program.move(session.arena, rows.offset + uint64_t(to * slotBytes),
                   rows.offset + uint64_t(from * slotBytes), bytes);
    else
      memcpy(base + to * slotBytes, base + from * slotBytes, bytes);
  };
  for (int32_t i = 0; i < program.state_count; ++i)
    copy(program.states[i], source.count);
  for (int32_t i = 0; i < program.cross_count && !session.slots[to].bound; ++i)
    copy(program.crosses[i], program.crosses[i].rows);
  session.slots[to].bound = 1;
  halyard_source_rows(session.arena)[to] = halyard_source_rows(session.arena)[from];
  if (program.flags & HALYARD_KEEPS_TOKENS)
    memcpy(halyard_tokens(session.arena, to), halyard_tokens(session.arena, from),
           size_t(source.count) * sizeof(int64_t));
  memcpy(session.text(to), session.text(from), size_t(source.count) * sizeof(int32_t));
}

/// Gives every selected candidate a slot and appends its token there.
void Generation::continueBeams(int32_t first) {
  halyard_slot *group = session.slots + first;
  const halyard_candidate *list = session.candidates + int64_t(first) * int64_t(kCandidatesPerBeam);
  for (int32_t c = 0; c < beams; ++c)
    if (session.slots[list[c].slot].next < 0)
      session.slots[list[c].slot].next = c;
  for (int32_t c = 0; c < beams; ++c) {
    if (session.slots[list[c].slot].next == c)
      continue;
    int32_t free = 0;
    while (group[free].next >= 0)
      ++free;
    copySlot(list[c].slot, first + free);
    group[free].next = c;
  }
  for (int32_t i = 0; i < beams; ++i) {
    group[i].score = list[group[i].next].score;
    session.text(first + i)[group[i].count] = list[group[i].next].token;
    group[i].fed = group[i].count++;
    group[i].next = -1;
  }
  group[0].awaited = beams;
  group[0].candidates = 0;
}

/// When the candidates of a request are complete.
void Generation::advance(int32_t first) {
  keepFinished(first);
  if (selectRunning(first) && canImprove(first))
    continueBeams(first);
  else
    finishBeams(first);
}

/// The best finished text is the result.
void Generation::finishBeams(int32_t first) {
  halyard_slot *group = session.slots + first;
  int32_t best = 0;
  for (int32_t i = 1; i < beams; ++i)
    if (group[i].finishedCount &&
        (!group[best].finishedCount || group[i].finishedScore > group[best].finishedScore))
      best = i;
  int32_t *text = session.text(first);
  group[0].count = group[best].finishedCount;
  memcpy(text, session.finishedText(first + best), size_t(group[0].count) * sizeof(int32_t));
  for (int32_t i = group[0].prompt; options.on_token && i < group[0].count; ++i)
    options.on_token(options.user, group[0].request, text[i]);
  bool ended = contains(settings.eos, text[group[0].count - 1]);
  finish(first, text, ended ? halyard_by_eos : halyard_by_length);
  for (int32_t i = 1; i < beams; ++i)
    group[i].request = -1;
}

} // namespace halyard::rt
