// The commands of the `halyard` program, one file each. The command line is parsed in CommandLine.cpp, the
// only file that knows the parsing library; a command sees a plain structure of what was asked, prints its
// results to standard output and its errors to standard error, and returns the program's exit status.
#ifndef HALYARD_COMPILER_DRIVER_COMMANDS_H
#define HALYARD_COMPILER_DRIVER_COMMANDS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace halyard::driver {

/// Exit status of the program.
enum ExitStatus {
  kDone = 0, // what was asked is done
  kModelError =
      1, // the model, its input or the machine is at fault: one message said so, nothing is left half-written
  kUsageError = 2, // the command line is at fault
};

/// halyard compile MODEL_DIR -o ART
struct CompileOptions {
  std::string model;   // folder with the ONNX files and config.json
  std::string output;  // folder to write; may be empty with stopAfter
  std::string name;    // name of the artifact; empty: taken from output
  std::string encoder; // files that are named rather than found: absolute, or relative to model
  std::string decoder;
  std::string decoderWithPast;
  std::string embedTokens;
  std::string target = "x86-64-multi";
  std::string weights = "f32";   // f32, bf16, f16, int8, int4, auto
  std::string kv = "auto";       // f32, bf16, int8; auto: like the weights, int8 with codes
  std::string screen = "auto";   // auto, always, never
  std::string numerics = "fast"; // fast, deterministic: the same bits on every target
  std::string accuracy;          // "self", or a file to compare precisions on; empty: they are not compared
  std::optional<double>
      tolerance;         // with weights "auto": percent by which perplexity may rise over f32's; 0.5
  std::string stopAfter; // phase after which the IR is printed instead; empty: compile to the end
  int64_t maxSource = 0; // 0: from the model's configuration
  int64_t maxTarget = 0; // 0: from the model's configuration
  int64_t maxRows = 0;   // rows that one step can be given; 0: the default
  int64_t slots = 0;     // sources held at a time; 0: the default
  int64_t threads = 0;   // 0: one per core
};
int compileCommand(const CompileOptions &options);

/// halyard run ART
struct RunOptions {
  std::string artifact;
  std::vector<std::string> ids;    // each "1,2,3": one source; several make a batch
  std::string text;                // source as text, needs the artifact's tokenizer
  std::string audio;               // wav file
  std::string image;               // png file
  std::vector<std::string> inputs; // each "name=file.npy"
  std::string decoderIds;          // "1,2": prompt for the decoder, instead of its start token
  int64_t maxNewTokens = 0;        // 0: from the generation settings
  int64_t numBeams = 0;            // 0, 1: greedy search
  int64_t threads = 0;             // 0: one per core
  std::string logits;              // npy file to write, float32 [batch, steps, vocabulary]
  std::string memory;              // npy file to write, the encoder's output, float32 [batch, rows, features]
  bool json = false;
};
int runCommand(const RunOptions &options);

/// halyard bench ART
struct BenchOptions {
  std::string artifact;
  int64_t sourceLength = 0; // 0: 128, or as long as the artifact takes
  int64_t newTokens = 0;    // 0: 64, or as many as the artifact takes
  int64_t batch = 1;
  int64_t threads = 0; // 0: one per core
  int64_t repetitions = 7;
  bool pin = false;     // tie threads to processors
  bool profile = false; // times of kernels as well
  bool json = false;
};
int benchCommand(const BenchOptions &options);

/// halyard inspect ART|MODEL_DIR
struct InspectOptions {
  std::string path;
  std::string encoder; // as in CompileOptions
  std::string decoder;
  std::string decoderWithPast;
  std::string embedTokens;
  bool json = false;
};
int inspectCommand(const InspectOptions &options);

/// halyard doctor: whether everything that compiling needs is there.
int doctorCommand();

/// halyard targets: what --target may be.
int targetsCommand();

/// Parses the command line and runs the command it names.
int main(int argc, char **argv);

} // namespace halyard::driver

#endif
