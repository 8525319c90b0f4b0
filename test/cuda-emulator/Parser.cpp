// From PTX text to instructions. The text is that of a compiler: a line has no more than one statement.
//
// Functions are read again, in the place of the call, for each call: their registers and labels take another
// name, and their parameters are registers of the caller.
#include "Ptx.h"

#include <cctype>
#include <cstring>

namespace halyard::emulator {
namespace {

/// Of the variable that stands for what a launch asks for.
constexpr int kDynamicAlign = 16;

const std::map<std::string, int> &specials() {
  static const std::map<std::string, int> all = {
      {"%tid.x", kTidX},     {"%tid.y", kTidY},       {"%tid.z", kTidZ},       {"%ntid.x", kNtidX},
      {"%ntid.y", kNtidY},   {"%ntid.z", kNtidZ},     {"%ctaid.x", kCtaidX},   {"%ctaid.y", kCtaidY},
      {"%ctaid.z", kCtaidZ}, {"%nctaid.x", kNctaidX}, {"%nctaid.y", kNctaidY}, {"%nctaid.z", kNctaidZ},
      {"%laneid", kLaneId}};
  return all;
}

std::string trimmed(const std::string &text) {
  size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

int bytesOfType(const std::string &type) {
  size_t digits = type.find_last_not_of("0123456789");
  if (digits == std::string::npos || digits + 1 == type.size())
    throw Error("a type that is not known: " + type);
  return std::stoi(type.substr(digits + 1)) / 8;
}

class Parser {
public:
  explicit Parser(const std::string &text) : text(text) {}

  Module run();

private:
  /// A function of the device as it is written.
  struct Function {
    std::vector<std::string> parameters, results;
    std::vector<std::string> lines;
  };
  /// What names mean: of a kernel, or of a function in it.
  struct Scope {
    std::string prefix;                            // of registers and labels
    std::map<std::string, std::string> parameters; // registers that stand for parameters of functions
  };

  void readFunctionLine(const std::string &line);
  void beginFunction(const std::string &line);
  void call(const std::string &statement);
  bool readParameterMove(Instruction &instruction, const std::string &rest);
  uint64_t place(int &end, int align, int bytes);
  void readLine(const std::string &line);
  void beginKernel(const std::string &line);
  void readParameter(const std::string &line);
  void readVariable(const std::string &line);
  void readInstruction(std::string line);
  void readOperands(Instruction &instruction, const std::string &rest);
  void readAddress(Instruction &instruction, std::string inside);
  Operand operand(const std::string &word);
  int registerOf(const std::string &name);
  void endKernel();

  const std::string &text;
  Module module;
  Kernel *kernel = nullptr;
  bool inBody = false;
  int depth = 0;         // of braces within a body
  std::string statement; // that goes on in the next line
  std::map<std::string, Function> functions;
  Function *function = nullptr; // that is being read
  Scope scope;
  int calls = 0;
  std::map<std::string, uint64_t> sharedSymbols; // of all kernels
  int sharedEnd = kSharedBegin;
  std::map<std::string, int> registers;
  std::string dynamicShared;               // the variable that stands for what a launch asks for
  std::map<std::string, uint64_t> symbols; // variables and parameters
  std::map<std::string, uint32_t> labels;
};

} // namespace

Module Parser::run() {
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    line = trimmed(line.substr(0, line.find("//")));
    if (!line.empty())
      readLine(line);
  }
  return std::move(module);
}

void Parser::readLine(const std::string &line) {
  auto starts = [&](const char *word) { return line.rfind(word, 0) == 0; };
  if (starts(".version") || starts(".target") || starts(".address_size") || starts(".maxntid") ||
      starts(".reqntid") || starts(".minnctapersm") || starts(".pragma") || line == ")")
    return;
  if (function)
    return readFunctionLine(line);
  if (starts(".visible .func") || starts(".func"))
    return beginFunction(line);
  if (starts(".visible .entry") || starts(".entry"))
    return beginKernel(line);
  if (starts(".param"))
    return readParameter(line);
  if (line == "{") {
    depth += inBody;
    inBody = true;
    return;
  }
  if (line == "}" && depth) {
    --depth;
    return;
  }
  if (line == "}")
    return endKernel();
  if (starts(".reg"))
    return; // registers are known by their use
  if (starts(".local") || starts(".shared") || starts(".extern .shared") || starts(".visible .shared"))
    return readVariable(line);
  if (line.back() == ':') {
    labels[scope.prefix + line.substr(0, line.size() - 1)] = static_cast<uint32_t>(kernel->code.size());
    return;
  }
  if (!inBody)
    throw Error("a statement that is not known: " + line);
  statement += line;
  if (line.back() != ';') {
    statement += ' ';
    return;
  }
  std::string whole = std::move(statement);
  statement.clear();
  whole.pop_back();
  whole.rfind("call", 0) == 0 ? call(whole) : readInstruction(whole);
}

//===-- functions ----------------------------------------------------------------------------------===//

/// The words between a pair of parentheses that are separated by commas, or the last word of each.
static std::vector<std::string> lastWords(const std::string &list) {
  std::vector<std::string> words;
  for (size_t at = 0; at < list.size();) {
    size_t end = std::min(list.find(',', at), list.size());
    std::string item = trimmed(list.substr(at, end - at));
    if (!item.empty())
      words.push_back(item.substr(item.find_last_of(" \t") + 1));
    at = end + 1;
  }
  return words;
}

/// ".visible .func (.param .b32 result) name(", with parameters in the lines after it.
void Parser::beginFunction(const std::string &line) {
  size_t end = line.find_last_of('('), open = line.find('('), close = line.find(')');
  bool returns = open != end;
  size_t begin = returns ? close + 1 : line.find(".func") + 5;
  function = &functions[trimmed(line.substr(begin, end - begin))];
  if (returns)
    function->results = lastWords(line.substr(open + 1, close - open - 1));
}

void Parser::readFunctionLine(const std::string &line) {
  if (!inBody && line.rfind(".param", 0) == 0)
    function->parameters.push_back(lastWords(line).at(0));
  else if (!inBody && line == "{")
    inBody = true;
  else if (!inBody)
    throw Error("a line of a function that is not known: " + line);
  else if (line == "}" && !depth) {
    inBody = false;
    function = nullptr;
  } else {
    depth += line == "{";
    depth -= line == "}";
    function->lines.push_back(line);
  }
}

/// "call.uni (result), name, (argument, argument)".
void Parser::call(const std::string &whole) {
  size_t arguments = whole.find_last_of('('), open = whole.find('(');
  bool returns = open != arguments;
  size_t begin = returns ? whole.find(')') + 2 : whole.find(' ');
  auto found = functions.find(trimmed(whole.substr(begin, whole.rfind(',', arguments) - begin)));
  std::vector<std::string> given = lastWords(whole.substr(arguments + 1, whole.rfind(')') - arguments - 1));
  if (found == functions.end() || given.size() != found->second.parameters.size())
    throw Error("a call of what is not known: " + whole);
  const Function &called = found->second;
  Scope inner, outer = scope;
  inner.prefix = "call " + std::to_string(calls++) + " ";
  for (size_t i = 0; i < given.size(); ++i)
    inner.parameters[called.parameters[i]] = outer.parameters.at(given[i]);
  if (returns)
    inner.parameters[called.results.at(0)] =
        outer.parameters.at(trimmed(whole.substr(open + 1, whole.find(')') - open - 1)));
  scope = inner;
  for (const std::string &line : called.lines)
    readLine(line);
  labels[inner.prefix + "ret"] = static_cast<uint32_t>(kernel->code.size());
  scope = outer;
}

/// Parameters of calls are registers. False if an instruction has nothing to do with them.
bool Parser::readParameterMove(Instruction &instruction, const std::string &rest) {
  bool isStore = instruction.opcode.rfind("st.param.", 0) == 0;
  if (!isStore && instruction.opcode.rfind("ld.param.", 0) != 0)
    return false;
  size_t open = rest.find('['), close = rest.find(']');
  auto parameter = scope.parameters.find(trimmed(rest.substr(open + 1, close - open - 1)));
  if (parameter == scope.parameters.end())
    return false;
  std::string value = isStore ? trimmed(rest.substr(close + 2)) : trimmed(rest.substr(0, rest.find(',')));
  Operand held;
  auto [at, isNew] = registers.try_emplace(parameter->second, kernel->registers);
  kernel->registers += isNew;
  held.reg = at->second;
  instruction.operands = {held, operand(value)};
  if (!isStore)
    std::swap(instruction.operands[0], instruction.operands[1]);
  makeMove(instruction);
  return true;
}

//===-- kernels ------------------------------------------------------------------------------------===//

void Parser::beginKernel(const std::string &line) {
  size_t begin = line.find(".entry") + 6, end = line.find('(');
  std::string name = trimmed(line.substr(begin, end - begin));
  kernel = &module.kernels[name];
  kernel->name = name;
  kernel->sharedBytes = sharedEnd;
  registers.clear();
  symbols = sharedSymbols;
  labels.clear();
  scope = {};
}

/// ".param .u64 .ptr .align 1 name,"
void Parser::readParameter(const std::string &line) {
  std::string rest = line;
  if (rest.back() == ',')
    rest.pop_back();
  size_t name = rest.find_last_of(" \t"), type = rest.find('.', 6);
  if (inBody) { // of a call: ".param .b64 name;"
    rest.pop_back();
    scope.parameters[rest.substr(name + 1)] =
        scope.prefix + "call " + std::to_string(calls) + rest.substr(name);
    return;
  }
  int bytes = bytesOfType(rest.substr(type, rest.find_first_of(" \t", type) - type));
  int offset = (kernel->parameterEnd + bytes - 1) / bytes * bytes;
  kernel->parameterBytes.push_back(bytes);
  kernel->parameterOffsets.push_back(offset);
  kernel->parameterEnd = offset + bytes;
  symbols[rest.substr(name + 1)] = static_cast<uint64_t>(offset);
}

/// ".local .align 4 .b8 name[128];"
void Parser::readVariable(const std::string &line) {
  size_t open = line.find('['), name = line.find_last_of(" \t", open);
  if (open == std::string::npos)
    throw Error("a variable that is not known: " + line);
  int count = line[open + 1] == ']' ? 0 : std::stoi(line.substr(open + 1));
  int align = std::stoi(line.substr(line.find(".align") + 6));
  size_t type = line.find_last_of('.', name);
  int bytes = count * bytesOfType(trimmed(line.substr(type, name - type)));
  std::string symbol = line.substr(name + 1, open - name - 1);
  bool isLocal = line.find(".local") == 0;
  if (!kernel && isLocal)
    throw Error("a variable outside of a kernel: " + line);
  if (kernel)
    symbols[symbol] = place(isLocal ? kernel->localBytes : kernel->sharedBytes, align, bytes);
  else if (count)
    sharedSymbols[symbol] = place(sharedEnd, align, bytes);
  else
    dynamicShared = symbol; // as much as a launch asks for
}

/// Where a variable begins that is put behind others.
uint64_t Parser::place(int &end, int align, int bytes) {
  int begin = (end + align - 1) / align * align;
  end = begin + bytes;
  return static_cast<uint64_t>(begin);
}

int Parser::registerOf(const std::string &name) {
  auto special = specials().find(name);
  if (special != specials().end())
    return special->second;
  auto [at, isNew] = registers.try_emplace(scope.prefix + name, kernel->registers);
  if (isNew)
    ++kernel->registers;
  return at->second;
}

static uint64_t floatBits(const std::string &word) { return std::stoull(word.substr(2), nullptr, 16); }

Operand Parser::operand(const std::string &word) {
  Operand result;
  if (word.empty())
    throw Error("an operand is missing");
  if (word == "_")
    result.reg = registerOf("%unused");
  else if (word[0] == '%')
    result.reg = registerOf(word);
  else if (word.rfind("0f", 0) == 0 || word.rfind("0F", 0) == 0 || word.rfind("0d", 0) == 0 ||
           word.rfind("0D", 0) == 0)
    result.value = floatBits(word);
  else if (std::isdigit(static_cast<unsigned char>(word[0])) || word[0] == '-')
    result.value =
        word[0] == '-' ? static_cast<uint64_t>(std::stoll(word, nullptr, 0)) : std::stoull(word, nullptr, 0);
  else if (symbols.count(word))
    result.value = symbols[word];
  else if (!word.empty() && word == dynamicShared) // behind all others
    result.value = place(kernel->sharedBytes, kDynamicAlign, 0);
  else
    throw Error("an operand that is not known: " + word);
  if (result.reg < 0)
    result.fixed = std::make_shared<std::vector<uint64_t>>(kLanes, result.value);
  return result;
}

/// "register+8", "name", "name+8" or a number.
void Parser::readAddress(Instruction &instruction, std::string inside) {
  size_t plus = inside.find('+', 1);
  if (plus != std::string::npos) {
    instruction.offset = std::stoll(inside.substr(plus + 1), nullptr, 0);
    inside = trimmed(inside.substr(0, plus));
  }
  instruction.operands.push_back(operand(inside));
}

/// Operands are separated by commas, vectors stand in braces and addresses in brackets.
void Parser::readOperands(Instruction &instruction, const std::string &rest) {
  size_t at = 0;
  while (at < rest.size()) {
    char c = rest[at];
    if (c == '}' && at && rest[0] == '{' && rest.find('}') == at)
      instruction.written = instruction.operands.size();
    if (c == ' ' || c == '\t' || c == ',' || c == '{' || c == '}') {
      ++at;
      continue;
    }
    if (c == '[') {
      size_t close = rest.find(']', at);
      readAddress(instruction, trimmed(rest.substr(at + 1, close - at - 1)));
      at = close + 1;
      continue;
    }
    size_t end = std::min(rest.find_first_of(",}| \t", at), rest.size());
    instruction.operands.push_back(operand(trimmed(rest.substr(at, end - at))));
    at = end;
    if (at < rest.size() && rest[at] == '|')
      ++at;
  }
}

void Parser::readInstruction(std::string line) {
  Instruction instruction;
  instruction.text = line;
  if (line[0] == '@') {
    size_t end = line.find_first_of(" \t");
    instruction.isGuardNegated = line[1] == '!';
    instruction.guard = registerOf(
        line.substr(instruction.isGuardNegated ? 2 : 1, end - (instruction.isGuardNegated ? 2 : 1)));
    line = trimmed(line.substr(end));
  }
  size_t end = std::min(line.find_first_of(" \t"), line.size());
  instruction.opcode = line.substr(0, end);
  std::string rest = trimmed(line.substr(end));
  bool returns = instruction.opcode == "ret" && !scope.prefix.empty();
  if (returns)
    instruction.opcode = "bra";
  if (instruction.opcode == "bra" || instruction.opcode == "bra.uni")
    instruction.label = scope.prefix + (returns ? "ret" : rest);
  else if (readParameterMove(instruction, rest))
    return kernel->code.push_back(std::move(instruction));
  else
    readOperands(instruction, rest);
  try {
    decode(instruction);
  } catch (const Error &error) {
    throw Error(std::string(error.what()) + " in '" + instruction.text + "' of " + kernel->name);
  }
  kernel->code.push_back(std::move(instruction));
}

void Parser::endKernel() {
  for (Instruction &instruction : kernel->code) {
    if (instruction.flow != Flow::branch)
      continue;
    auto label = labels.find(instruction.label);
    if (label == labels.end())
      throw Error("there is no label " + instruction.label);
    instruction.target = label->second;
  }
  inBody = false;
  kernel = nullptr;
}

Module parse(const std::string &text) { return Parser(text).run(); }

std::vector<std::string> partsOf(const std::string &opcode) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at <= opcode.size()) {
    size_t end = std::min(opcode.find('.', at), opcode.size());
    parts.push_back(opcode.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

void decode(Instruction &instruction) {
  const std::string &opcode = instruction.opcode;
  if (opcode == "bra" || opcode == "bra.uni") {
    instruction.flow = Flow::branch;
  } else if (opcode == "ret" || opcode == "exit") {
    instruction.flow = Flow::end;
  } else if (opcode == "bar.sync" || opcode == "barrier.sync") {
    instruction.flow = Flow::barrier;
  } else if (!decodeMemory(instruction) && !decodeArithmetic(instruction) && !decodeComparison(instruction) &&
             !decodeConversion(instruction) && !decodeMatrix(instruction)) {
    throw Error("the opcode '" + opcode + "' is not known");
  }
}

} // namespace halyard::emulator
