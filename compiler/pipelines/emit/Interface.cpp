// NAME.h and NAME.cpp; see the header. The structs written here are those of
// runtime/include/halyard/program.h, field by field in their order.
#include "compiler/pipelines/emit/Interface.h"
#include "compiler/pipelines/emit/GenerationSettings.h"
#include "runtime/include/halyard/arena.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace halyard::emit {

namespace {

constexpr llvm::StringLiteral kHeader =
    R"(// {0}: an encoder-decoder model, compiled by Halyard. See halyard/model.h for how to use the classes, and
// halyard/program.h for the C interface below them, which is all there is with HALYARD_NO_LIBRARY.
#ifndef HALYARD_ARTIFACT_{0}_H
#define HALYARD_ARTIFACT_{0}_H

#include "halyard/program.h"

#ifdef __cplusplus
extern "C" {{
#endif

extern const halyard_program {0}_program;

/* For memory that is not allocated: bytes of the arena, which is aligned to HALYARD_ALIGNMENT, bytes of the weights
 * and logits of a row. The weights lie in memory where {0}_weights.S is linked in. */
#define {0}_ARENA_BYTES {6}u
#define {0}_WEIGHTS_BYTES {8}u
#define {0}_VOCABULARY {2}
#define {0}_MAX_SOURCE {7}
extern const uint8_t {0}_weights[];

/* The functions of {0}_program. */
int {0}_encode(void *arena, const void *weights, int32_t count, const halyard_source *sources);
int {0}_step(void *arena, const void *weights, int32_t rows, const int32_t *token, const int32_t *slot,
             const int32_t *position, float *logits);

#ifdef __cplusplus
} // extern "C"
#endif

#if defined(__cplusplus) && __STDC_HOSTED__ && !defined(HALYARD_NO_LIBRARY)
#include "halyard/model.h"

namespace {0} {{

struct Program {{
  using Source = {1};
  /// Vocabulary, most decoder positions, most rows of a step, slots, and bytes of the arena.
  static constexpr halyard::rt::SessionShape shape = {{{2}, {3}, {4}, {5}, {6}};
  static const halyard_program &get() {{ return {0}_program; }
};

using Model = halyard::Model<Program>;
using Session = halyard::Session<Program>;
using Options = halyard::Options;
using Text = halyard::Text;

inline constexpr uint64_t kSessionBytes = Program::shape.bytes();
inline constexpr int32_t kMaxSource = {7};

} // namespace {0}
#endif
#endif
)";

constexpr llvm::StringLiteral kEntryPoints = R"(
int {0}_encode(void *arena, const void *weights, int32_t count, const halyard_source *sources) {{
  if (int status = halyard_check_encode(&{0}_program, arena, count, sources))
    return status;
  for (int32_t first = 0, together = 0; first < count; first += together) {{
    together = halyard_encoded_together(sources + first, count - first, {2});
    for (int32_t i = first; i < first + together; ++i)
      halyard_clear_slot(&{0}_program, arena, sources[i].slot);
    if (int status = encode(arena, weights, together, sources + first))
      return status;
  }
  return halyard_ok;
}

int {0}_step(void *arena, const void *weights, int32_t rows, const int32_t *token, const int32_t *slot,
             const int32_t *position, float *logits) {{
  if (int status = halyard_check_step(&{0}_program, arena, rows, token, slot, position))
    return status;
  {1}
}
)";

constexpr llvm::StringLiteral kDeviceEntryPoints = R"(
static const halyard_device_program kDevice = {{&{0}_program, {1}u, encode, step};

int {0}_encode(void *arena, const void *weights, int32_t count, const halyard_source *sources) {{
  if (int status = halyard_check_encode(&{0}_program, arena, count, sources))
    return status;
  for (int32_t i = 0; i < count; ++i)
    if (int status = halyard_device_encode(&kDevice, arena, weights, &sources[i]))
      return status;
  return halyard_ok;
}

int {0}_step(void *arena, const void *weights, int32_t rows, const int32_t *token, const int32_t *slot,
             const int32_t *position, float *logits) {{
  if (int status = halyard_check_step(&{0}_program, arena, rows, token, slot, position))
    return status;
  return halyard_device_step(&kDevice, arena, weights, rows, token, slot, position, logits);
}
)";

constexpr llvm::StringLiteral kScreening = R"(
static int screenRows(void *arena, const void *weights, int32_t rows, float *bounds) {
  return screen(arena, weights, rows, bounds);
}
static int rescoreUnit(void *arena, const void *weights, int32_t row, int32_t unit, float *logits) {
  return rescore(arena, weights, row, unit, logits);
}
static int headOfRows(void *arena, const void *weights, int32_t rows, float *logits) {
  return head(arena, weights, rows, logits);
}
)";

constexpr llvm::StringLiteral kWholeStep =
    "return step(arena, weights, rows, token, slot, position, logits);";
constexpr llvm::StringLiteral kStepAndHead =
    R"(int status = step(arena, weights, rows, token, slot, position);
  return status || !logits ? status : head(arena, weights, rows, logits);)";

std::string quoted(StringRef text) {
  std::string result = "\"";
  for (char c : text)
    result += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return result + "\"";
}

struct SourceType {
  const char *element, *inCpp;
};

std::optional<SourceType> sourceTypeOf(Type element) {
  if (element.isInteger(64))
    return SourceType{"halyard_i64", "int64_t"};
  if (element.isInteger(32))
    return SourceType{"halyard_i32", "int32_t"};
  if (element.isF32())
    return SourceType{"halyard_f32", "float"};
  return std::nullopt;
}

/// A table of halyard_rows for the regions that carry an attribute; `nullptr` if there are none.
std::string rowsTable(rt::ProgramOp program, StringRef attribute, StringRef name, std::string &text) {
  std::string entries;
  int64_t count = 0;
  for (rt::RegionOp region : program.getBody().getOps<rt::RegionOp>()) {
    if (!region->hasAttr(attribute))
      continue;
    auto type = cast<MemRefType>(region.getType());
    ArrayRef<int64_t> block = type.getShape().drop_front(); // of one slot
    int64_t rows = block.empty() ? 1 : block.front(), rowBytes = rt::bytesOfElement(type.getElementType());
    for (int64_t extent : block.drop_front(block.empty() ? 0 : 1))
      rowBytes *= extent;
    int64_t together = region.getBlockRows().value_or(1);
    entries += llvm::formatv("    {{{0}, {1}, {2}, {3}, {4}},\n", quoted(region.getSymName()),
                             *region.getOffset(), rows * together, rowBytes / together, together);
    ++count;
  }
  if (count)
    text += ("\nstatic const halyard_rows " + name + "[] = {\n" + entries + "};\n").str();
  return count ? (Twine(count) + ", " + name).str() : "0, nullptr";
}

StringRef flagsOf(rt::ProgramOp program) {
  if (program.getRecompute() && program.getMasked())
    return "HALYARD_KEEPS_TOKENS | HALYARD_READS_MASK";
  if (program.getRecompute())
    return "HALYARD_KEEPS_TOKENS";
  return program.getMasked() ? "HALYARD_READS_MASK" : "0";
}

/// Bytes of the arena that callers provide: of a program for a device, the header.
uint64_t arenaBytes(rt::ProgramOp program, const Target &target) {
  if (target.deviceInterface().empty())
    return *program.getArenaBytes();
  return halyard_arena_header_bytes(program.getSlots(), program.getMaxTarget(), 0);
}

} // namespace

std::string interfaceHeader(rt::ProgramOp program, const Target &target) {
  Type element = cast<RankedTensorType>(program.getSourceType()).getElementType();
  std::optional<SourceType> source = sourceTypeOf(element);
  return llvm::formatv(kHeader.data(), program.getSymName(), source ? source->inCpp : "void",
                       program.getVocabulary(), program.getMaxTarget(), program.getMaxRows(),
                       program.getSlots(), arenaBytes(program, target), program.getMaxSource(),
                       *program.getWeightsBytes());
}

FailureOr<std::string> interfaceSource(rt::ProgramOp program, const Target &target, DictionaryAttr generation,
                                       uint64_t weightsChecksum) {
  auto type = cast<RankedTensorType>(program.getSourceType());
  std::optional<SourceType> source = sourceTypeOf(type.getElementType());
  if (!source || type.getRank() < 1 || type.getRank() > 4) {
    program.emitError("the encoder reads ")
        << type << "; an artifact reads 64- or 32-bit integers or 32-bit floats of "
        << "rank 1 to 4";
    return failure();
  }
  SmallVector<int64_t> shape(4, 1);
  for (auto [dim, extent] : llvm::enumerate(type.getShape()))
    shape[dim] = ShapedType::isDynamic(extent) ? -1 : extent;

  std::string text;
  std::string states = rowsTable(program, "state", "kStates", text);
  std::string crosses = rowsTable(program, "cross", "kCrosses", text);
  std::string settings = generationSettings(generation, text);
  StringRef name = program.getSymName();
  int64_t columns = program.getScreenColumns().value_or(0);
  bool isOnDevice = !target.deviceInterface().empty();
  llvm::raw_string_ostream stream(text);
  if (columns)
    stream << kScreening;
  stream << "\nconst halyard_program " << name << "_program = {\n"
         << "    HALYARD_ABI, " << flagsOf(program) << ", " << quoted(name) << ",\n    /*vocabulary*/ "
         << program.getVocabulary() << ", /*max_source*/ " << program.getMaxSource() << ", /*max_target*/ "
         << program.getMaxTarget() << ", /*max_rows*/ " << program.getMaxRows() << ", /*slots*/ "
         << program.getSlots() << ",\n    /*source*/ " << type.getRank() << ", " << source->element << ", {"
         << llvm::join(llvm::map_range(shape, [](int64_t extent) { return std::to_string(extent); }), ", ")
         << "}, " << quoted(program.getSourceName()) << ", " << program.getSourceVocabulary()
         << ",\n    /*memory*/ " << program.getMemoryFeatures() << ", memory_rows,\n    /*weights*/ "
         << *program.getWeightsBytes() << "u, " << weightsChecksum << "u,\n    /*arena*/ "
         << arenaBytes(program, target) << "u,\n    " << name << "_encode, " << name
         << "_step,\n    /*screen*/ " << columns << ", " << program.getScreenRows().value_or(0)
         << (columns ? ", screenRows, rescoreUnit, headOfRows,\n    " : ", nullptr, nullptr, nullptr,\n    ")
         << settings << ",\n    " << states << ",\n    " << crosses
         << (isOnDevice ? ",\n    halyard_device_choose, halyard_device_move, halyard_device_release};\n"
                        : "};\n");
  if (isOnDevice)
    stream << llvm::formatv(kDeviceEntryPoints.data(), name, *program.getArenaBytes()).str();
  else
    stream << llvm::formatv(kEntryPoints.data(), name, columns ? kStepAndHead : kWholeStep,
                            program.getTogether().value_or(0))
                  .str();
  return text;
}

} // namespace halyard::emit
