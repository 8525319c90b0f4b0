// What `compile --accuracy` compares precisions on: sources and texts from a file, or made up.
#ifndef HALYARD_COMPILER_DRIVER_ACCURACYDATA_H
#define HALYARD_COMPILER_DRIVER_ACCURACYDATA_H

#include "compiler/driver/RunInputs.h"

#include <string>
#include <vector>

namespace halyard::driver {

/// A source and its text.
struct AccuracySample {
  std::string where; ///< "FILE:LINE", or what was made up
  RunSource source;
  std::vector<int32_t> tokens; ///< the decoder's, from its start token on; empty: what f32 generates
  int32_t prompt = 1;          ///< how many of them the model is given and does not choose
};

/// A file with one JSON object on each line that is not blank:
///
///   {"source": [37, 52, 8, 1], "target": [0, 71, 12, 1]}
///   {"source": "features.npy", "mask": "mask.npy"}
///
/// `source` are token ids, or the name of a file as `halyard run --input` takes it, of a batch of one,
/// relative to this file's folder; `mask` is the attention mask that goes with it. `target` is the decoder's
/// text as `halyard run --json` prints it, start token first; without it, the text is what f32 generates.
class AccuracyData {
public:
  /// Reads the file, or nothing if `path` is "self": sources are made up.
  bool read(const std::string &path, RunError &error);
  bool isMadeUp() const { return madeUp; }
  /// Sources as the program takes them, in the file's order.
  bool samples(const halyard_program &program, std::vector<AccuracySample> &samples, RunError &error) const;

private:
  struct Line {
    std::string where;
    std::string ids; ///< "1,2,3"; empty if the source is a file
    std::string file, mask;
    std::vector<int32_t> target;
  };
  bool readLine(const std::string &text, const std::string &folder, Line &line, RunError &error);

  bool madeUp = false;
  std::vector<Line> lines;
};

} // namespace halyard::driver

#endif
