// Sources from --ids, and from --input files with the batch axis first and an optional attention mask.
#include "compiler/driver/RunInputs.h"
#include "compiler/driver/Npy.h"

#include <cmath>
#include <cstring>
#include <map>

namespace halyard::driver {
namespace {

constexpr char kMaskName[] = "attention_mask";

bool fail(RunError &error, const std::string &where, const std::string &what,
          ExitStatus status = kModelError) {
  error = {where, what, status};
  return false;
}

uint64_t elementBytes(const halyard_program &program) { return program.source_type == halyard_i64 ? 8 : 4; }

/// "[batch, length, 80]"
std::string expectedShape(const halyard_program &program) {
  std::string text = "[batch";
  for (int i = 1; i < program.source_rank; ++i)
    text += program.source_shape[i] < 0 ? ", length" : ", " + std::to_string(program.source_shape[i]);
  return text + "]";
}

/// The axis that is the source length, or 0 if there is none.
int lengthAxis(const halyard_program &program) {
  for (int i = 1; i < program.source_rank; ++i)
    if (program.source_shape[i] < 0)
      return i;
  return 0;
}

void append(RunSource &source, const halyard_program &program, const NpyArray &array, int64_t index) {
  size_t at = source.data.size();
  source.data.resize(at + elementBytes(program));
  if (program.source_type == halyard_f32) {
    float value = float(array.number(index));
    std::memcpy(&source.data[at], &value, sizeof(value));
  } else if (program.source_type == halyard_i64) {
    int64_t value = array.integer(index);
    std::memcpy(&source.data[at], &value, sizeof(value));
  } else {
    // A larger value becomes one that no vocabulary has, so that it is reported and not wrapped around.
    int64_t wide = array.integer(index);
    int32_t value = wide == int32_t(wide) ? int32_t(wide) : -1;
    std::memcpy(&source.data[at], &value, sizeof(value));
  }
}

/// The files of the command line by the name of the input that they are for.
class InputFiles {
public:
  bool read(const RunOptions &options, const halyard_program &program, RunError &error) {
    for (const std::string &option : options.inputs) {
      size_t equals = option.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == option.size())
        return fail(error, "--input", "'" + option + "': expected name=file.npy", kUsageError);
      std::string name = option.substr(0, equals);
      if (name != program.source_name && name != kMaskName)
        return fail(error, "--input",
                    "the model has no input '" + name + "': expected '" + program.source_name + "' or '" +
                        kMaskName + "'");
      if (arrays.count(name))
        return fail(error, "--input", "'" + name + "' is given twice", kUsageError);
      paths[name] = option.substr(equals + 1);
      std::string what;
      if (!readNpy(paths[name], arrays[name], what))
        return fail(error, paths[name], what);
    }
    if (!arrays.count(program.source_name))
      return fail(error, "--input",
                  std::string("the model's input '") + program.source_name + "' is missing");
    return true;
  }
  const NpyArray &source(const halyard_program &program) const { return arrays.at(program.source_name); }
  const std::string &sourcePath(const halyard_program &program) const {
    return paths.at(program.source_name);
  }
  const NpyArray *mask() const { return arrays.count(kMaskName) ? &arrays.at(kMaskName) : nullptr; }
  const std::string &maskPath() const { return paths.at(kMaskName); }

private:
  std::map<std::string, NpyArray> arrays;
  std::map<std::string, std::string> paths;
};

bool checkSource(const NpyArray &array, const std::string &path, const halyard_program &program,
                 RunError &error) {
  bool wantsFloat = program.source_type == halyard_f32;
  if (array.isFloat() != wantsFloat || array.type == NpyType::Bool)
    return fail(error, path,
                std::string("elements of type ") + typeName(array.type) + ": '" + program.source_name +
                    "' takes " + (wantsFloat ? "float16, float32 or float64" : "int32 or int64"));
  bool fits = int(array.shape.size()) == program.source_rank;
  for (int i = 1; fits && i < program.source_rank; ++i)
    fits = program.source_shape[i] < 0 || program.source_shape[i] == array.shape[i];
  if (!fits)
    return fail(error, path,
                "shape " + shapeText(array.shape) + ": '" + program.source_name + "' takes " +
                    expectedShape(program));
  if (array.shape[0] < 1)
    return fail(error, path, "shape " + shapeText(array.shape) + ": the batch is empty");
  return true;
}

/// A mask is [batch, length], of zeros and ones.
bool checkMask(const NpyArray &mask, const std::string &path, const NpyArray &source,
               const halyard_program &program, RunError &error) {
  int axis = lengthAxis(program);
  if (!axis)
    return fail(error, path,
                std::string("'") + program.source_name + "' has no length that a mask could shorten");
  std::vector<int64_t> wanted = {source.shape[0], source.shape[axis]};
  if (mask.shape != wanted)
    return fail(error, path,
                "shape " + shapeText(mask.shape) + ": expected " + shapeText(wanted) + " as '" +
                    program.source_name + "' has");
  for (int64_t i = 0; i < mask.elements(); ++i)
    if (double value = mask.number(i); value != 0 && value != 1)
      return fail(error, path, "element " + std::to_string(i) + " is neither 0 nor 1");
  return true;
}

/// Row `row` of a batch without the positions that are masked out, or with them and a mask.
RunSource sourceOfRow(const NpyArray &array, const NpyArray *mask, const halyard_program &program,
                      int64_t row) {
  int axis = lengthAxis(program);
  int64_t outer = 1, length = axis ? array.shape[axis] : 1, inner = 1;
  for (int i = 1; i < program.source_rank; ++i)
    (i < axis || !axis ? outer : inner) *= i == axis ? 1 : array.shape[i];
  auto isThere = [&](int64_t position) { return !mask || mask->number(row * length + position) != 0; };
  bool keepsPadding = program.flags & HALYARD_READS_MASK;
  auto kept = [&](int64_t position) { return keepsPadding || isThere(position); };
  RunSource source;
  for (int64_t position = 0; mask && keepsPadding && position < length; ++position)
    source.mask.push_back(isThere(position));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t position = 0; position < length; ++position)
      for (int64_t i = 0; kept(position) && i < inner; ++i)
        append(source, program, array, ((row * outer + o) * length + position) * inner + i);
  for (int64_t position = 0; position < length; ++position)
    source.length += kept(position);
  return source;
}

bool readFiles(const RunOptions &options, const halyard_program &program, std::vector<RunSource> &sources,
               RunError &error) {
  InputFiles files;
  if (!files.read(options, program, error))
    return false;
  const NpyArray &array = files.source(program), *mask = files.mask();
  if (!checkSource(array, files.sourcePath(program), program, error) ||
      (mask && !checkMask(*mask, files.maskPath(), array, program, error)))
    return false;
  for (int64_t row = 0; row < array.shape[0]; ++row)
    sources.push_back(sourceOfRow(array, mask, program, row));
  return true;
}

bool readIdLists(const RunOptions &options, const halyard_program &program, std::vector<RunSource> &sources,
                 RunError &error) {
  if (program.source_type == halyard_f32)
    return fail(error, "--ids",
                std::string("the model reads '") + program.source_name +
                    "', which is not made of token ids: use --input " + program.source_name + "=file.npy");
  for (const std::string &list : options.ids) {
    NpyArray array;
    std::vector<int64_t> ids;
    if (!parseIds(list, ids))
      return fail(error, "--ids", "'" + list + "': expected token ids like 1,2,3", kUsageError);
    array.type = NpyType::Int64;
    array.shape = {1, int64_t(ids.size())};
    array.data.resize(ids.size() * sizeof(int64_t));
    std::memcpy(array.data.data(), ids.data(), array.data.size());
    sources.push_back(sourceOfRow(array, nullptr, program, 0));
  }
  return true;
}

} // namespace

bool parseIds(const std::string &list, std::vector<int64_t> &ids) {
  ids.clear();
  for (size_t at = 0; at <= list.size();) {
    size_t comma = list.find(',', at);
    size_t end = comma == std::string::npos ? list.size() : comma;
    size_t first = list.find_first_not_of(' ', at), last = list.find_last_not_of(' ', end ? end - 1 : 0);
    if (first == std::string::npos || first >= end || last < first)
      return false;
    bool negative = list[first] == '-';
    int64_t value = 0;
    if (first + negative > last || last - first > 10)
      return false;
    for (size_t i = first + negative; i <= last; ++i) {
      if (list[i] < '0' || list[i] > '9')
        return false;
      value = value * 10 + (list[i] - '0');
    }
    value = negative ? -value : value;
    if (value < INT32_MIN || value > INT32_MAX)
      return false;
    ids.push_back(value);
    at = end + 1;
  }
  return !ids.empty();
}

bool readSources(const RunOptions &options, const halyard_program &program, std::vector<RunSource> &sources,
                 RunError &error) {
  return options.ids.empty() ? readFiles(options, program, sources, error)
                             : readIdLists(options, program, sources, error);
}

} // namespace halyard::driver
