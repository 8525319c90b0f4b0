// One call of halyard_generate; private to the runtime.
//
// Every step serves all texts in flight: a text that is new contributes the rows of its prompt, the others
// one row each, as many as the program takes in one call. A text that ends frees its slots for the next
// request, whose source is then encoded, with those of others that begin. Greedy search has one slot for a
// request, beam search as many as it has beams. Nothing allocates: texts live in the session, results in the
// caller's memory.
#ifndef HALYARD_GENERATE_GENERATION_H
#define HALYARD_GENERATE_GENERATION_H

#include "LogitsProcessors.h"
#include "Session.h"

namespace halyard::rt {

class Generation {
public:
  Generation(halyard_session &session, halyard_request *requests, int32_t count,
             const halyard_options &options, halyard_error &error)
      : session(session), program(*session.program), requests(requests), count(count), options(options),
        settings(options.generation ? *options.generation : session.program->generation), error(error),
        beams(options.num_beams > 1 ? options.num_beams : 1) {}

  /// Returns a halyard_status.
  int run();

private:
  int fail(int status, int32_t request, int64_t got = 0, int64_t limit = 0) {
    error = {status, request, got, limit};
    return status;
  }

  // Requests.cpp: what was asked for.
  int checkOptions();
  int check(int32_t index);
  int checkSource(int32_t index);
  int checkPrompt(int32_t index, int32_t &length);
  /// Returns the length of the default prompt and, unless `tokens` is null, writes it there.
  int32_t defaultPrompt(int32_t *tokens) const;
  int32_t maxLength(int32_t prompt) const;

  // Generate.cpp: the loop, and greedy search.
  int admit(int32_t &next);
  void begin(int32_t slot, int32_t index);
  int32_t gatherRows();
  int step(int32_t rows);
  bool isLast(int32_t row) const;
  void process(int32_t slot, const LogitsWindow &logits) const;
  void choose(int32_t slot, float *logits);
  bool choosesOnDevice() const;
  int chooseOnDevice(int32_t rows);
  void append(int32_t slot, int32_t token);
  void finish(int32_t slot, const int32_t *text, halyard_ending ending);

  // Screening.cpp: greedy search over bounds of logits.
  struct Best;
  struct Search;
  bool canScreen(int32_t rows);
  int screen(int32_t rows);
  int chooseScreened(int32_t row, int32_t rows, bool &screened);
  int rescore(int32_t row, int32_t unit, Best &best) const;
  int giveUp(int32_t row, int32_t rows, bool &screened);

  // BeamSearch.cpp: beams of one request occupy slots from `first` on.
  int32_t firstOf(int32_t slot) const { return slot / beams * beams; }
  int32_t mostCandidates() const;
  void beginBeams(int32_t first);
  void consider(int32_t slot, float *logits);
  void addCandidate(int32_t first, const halyard_candidate &candidate);
  void advance(int32_t first);
  bool ends(const halyard_candidate &candidate, const halyard_slot &slot) const;
  void keepFinished(int32_t first);
  bool selectRunning(int32_t first);
  bool canImprove(int32_t first) const;
  void continueBeams(int32_t first);
  void copySlot(int32_t from, int32_t to);
  void finishBeams(int32_t first);

  halyard_session &session;
  const halyard_program &program;
  halyard_request *requests;
  int32_t count;
  const halyard_options &options;
  const halyard_generation &settings;
  halyard_error &error;
  int32_t beams;
};

} // namespace halyard::rt

#endif
