// The command line of halyard: what can be said, and which command it leads to. This is the one file that
// includes the parsing library, and so the one of the driver that is built with exceptions.
#include "compiler/driver/Commands.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>

using namespace halyard::driver;

namespace {

constexpr const char *kDescription =
    "Halyard compiles ONNX encoder-decoder models ahead of time into standalone C++ programs.";
constexpr const char *kExitStatus =
    "Exit status: 0 done; 1 the model or its input is at fault; 2 the command line is.";

template <typename Options> void addFileOptions(CLI::App &command, Options &options) {
  command.add_option("--encoder", options.encoder,
                     "Encoder file, absolute or in the folder [encoder_model.onnx]");
  command.add_option("--decoder", options.decoder,
                     "Decoder file [decoder_model.onnx, else decoder_model_merged.onnx]");
  command.add_option("--decoder-with-past", options.decoderWithPast,
                     "Decoder file that takes caches [decoder_with_past_model.onnx, if it is there]");
  command.add_option("--embed-tokens", options.embedTokens,
                     "File that embeds tokens, for decoders that take inputs_embeds [embed_tokens.onnx]");
}

CLI::App *addCompile(CLI::App &app, CompileOptions &options) {
  CLI::App *command = app.add_subcommand("compile", "Compile a model's folder into an artifact");
  command->add_option("MODEL_DIR", options.model, "Folder with the .onnx files and config.json")->required();
  command->add_option("-o,--output", options.output, "Folder to write; its name is the artifact's");
  command->add_option("--name", options.name, "Name of the artifact, a C identifier [the output folder's]");
  addFileOptions(*command, options);
  command->add_option("--target", options.target, "Machine to compile for, see 'halyard targets'")
      ->capture_default_str();
  command
      ->add_option("--weights", options.weights,
                   "Precision of weights (f16: on GPUs); auto: int8, but for those that it costs too much")
      ->check(CLI::IsMember({"f32", "bf16", "f16", "int8", "int4", "auto"}))
      ->capture_default_str();
  command
      ->add_option("--kv", options.kv,
                   "Precision of kept keys and values; auto is f32 or bf16 like the weights, else int8")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}))
      ->capture_default_str();
  command
      ->add_option("--screen", options.screen,
                   "Whether greedy search bounds logits before it computes any: auto, if the head is large")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  command
      ->add_option("--numerics", options.numerics,
                   "fast: as each target computes best; deterministic: the same logits, bit by bit, on every "
                   "target")
      ->check(CLI::IsMember({"fast", "deterministic"}))
      ->capture_default_str();
  command->add_option("--accuracy", options.accuracy,
                      "Measure what precision costs beside f32, on sources and texts from a file of JSON "
                      "lines, or on made-up ones: \"self\"");
  command
      ->add_option("--tolerance", options.tolerance,
                   "With --weights auto: percent by which perplexity may rise over that of f32 [0.5]")
      ->check(CLI::Range(0.0, 100.0));
  command->add_option("--max-source", options.maxSource, "Longest source [from config.json]")
      ->check(CLI::Range(1, INT32_MAX));
  command->add_option("--max-target", options.maxTarget, "Longest text that is decoded [from config.json]")
      ->check(CLI::Range(1, INT32_MAX));
  command->add_option("--max-rows", options.maxRows, "Rows that one step can be given")
      ->check(CLI::Range(1, 65536));
  command->add_option("--slots", options.slots, "Sources held at a time")->check(CLI::Range(1, 65536));
  command->add_option("--threads", options.threads, "Threads of the compiler [one per core]")
      ->check(CLI::Range(1, 1024));
  command->add_option("--stop-after", options.stopAfter,
                      "Print the IR after a phase instead of compiling to the end");
  return command;
}

CLI::App *addRun(CLI::App &app, RunOptions &options) {
  CLI::App *command = app.add_subcommand("run", "Generate with an artifact");
  command->add_option("ART", options.artifact, "Folder that 'halyard compile' wrote")->required();
  command->add_option("--ids", options.ids, "Source token ids \"1,2,3\"; several make a batch")->take_all();
  command->add_option("--text", options.text, "Source text");
  command->add_option("--audio", options.audio, "Source recording, .wav");
  command->add_option("--image", options.image, "Source image, .png");
  command->add_option("--input", options.inputs, "Source tensor, name=file.npy")->take_all();
  command->add_option("--decoder-ids", options.decoderIds,
                      "Prompt for the decoder, \"1,2\" [its start token]");
  command->add_option("--max-new-tokens", options.maxNewTokens, "Most tokens to generate")
      ->check(CLI::Range(1, INT32_MAX));
  command->add_option("--num-beams", options.numBeams, "Beams to search with [greedy search]")
      ->check(CLI::Range(1, 1024));
  command->add_option("--threads", options.threads, "Threads [one per core]")->check(CLI::Range(1, 1024));
  command->add_option("--logits", options.logits,
                      "Write the logits, float32 [batch, steps, vocabulary], .npy");
  command->add_option("--memory", options.memory,
                      "Write the encoder's output, float32 [batch, rows, features], .npy");
  command->add_flag("--json", options.json, "Print tokens, text and timing as JSON");
  return command;
}

CLI::App *addBench(CLI::App &app, BenchOptions &options) {
  CLI::App *command = app.add_subcommand("bench", "Measure an artifact on random sources");
  command->add_option("ART", options.artifact, "Folder that 'halyard compile' wrote")->required();
  command
      ->add_option("--source-length", options.sourceLength,
                   "Length of every source [one of which the encoder makes 128 rows]")
      ->check(CLI::Range(1, INT32_MAX));
  command->add_option("--new-tokens", options.newTokens, "Tokens to generate [64]")
      ->check(CLI::Range(2, INT32_MAX));
  command->add_option("--batch", options.batch, "Texts generated together")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command->add_option("--threads", options.threads, "Threads [one per core]")->check(CLI::Range(1, 1024));
  command->add_option("--repetitions", options.repetitions, "Repetitions that medians are taken over")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command->add_flag("--profile", options.profile,
                    "Build a library that takes the time of kernels, and show where it goes");
  command->add_flag("--pin", options.pin, "Tie each thread to a processor");
  command->add_flag("--json", options.json, "Print as JSON");
  return command;
}

CLI::App *addInspect(CLI::App &app, InspectOptions &options, bool &text) {
  CLI::App *command = app.add_subcommand("inspect", "Describe a model's folder or an artifact");
  command->add_option("PATH", options.path, "Model folder or artifact")->required();
  addFileOptions(*command, options);
  CLI::Option *json = command->add_flag("--json", options.json, "Print as JSON");
  command->add_flag("--text", text, "Print as text, the default")->excludes(json);
  return command;
}

} // namespace

int halyard::driver::main(int argc, char **argv) {
  CLI::App app(kDescription, "halyard");
  app.footer(kExitStatus);
  app.require_subcommand(1);
  CompileOptions compile;
  RunOptions run;
  BenchOptions bench;
  InspectOptions inspect;
  bool text = false;
  std::pair<CLI::App *, std::function<int()>> commands[] = {
      {addCompile(app, compile), [&] { return compileCommand(compile); }},
      {addRun(app, run), [&] { return runCommand(run); }},
      {addBench(app, bench), [&] { return benchCommand(bench); }},
      {addInspect(app, inspect, text), [&] { return inspectCommand(inspect); }},
      {app.add_subcommand("targets", "List what can be compiled for"), targetsCommand},
      {app.add_subcommand("doctor", "Check that everything compiling needs is there"), doctorCommand}};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == int(CLI::ExitCodes::Success))
      return app.exit(error); // help was asked for
    std::cerr << "halyard: error: " << error.what() << "\nrun with --help for what can be said\n";
    return kUsageError;
  }
  for (auto &[command, execute] : commands)
    if (command->parsed())
      return execute();
  return kUsageError;
}
