// PTX is changed line by line; see the header. Every access `[address+offset]` to shared memory becomes one
// to `address + base`, where `base` is a register that holds the variable's address. The assembler makes of
// that the constant that it is.
#include "targets/CudaPtx/SharedMemory.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace halyard;
using llvm::StringRef;

static constexpr llvm::StringLiteral kVariable = ".extern .shared .align 16 .b8 halyard_shared[];\n";
static constexpr llvm::StringLiteral kRegisters = "\t.reg .b64 \t%shared_base;\n\t.reg .b64 \t%shared_at;\n";
static constexpr llvm::StringLiteral kBase = "\tmov.u64 \t%shared_base, halyard_shared;\n";

/// One access. An address without a register is an offset alone.
static std::string withBase(StringRef line) {
  auto [before, rest] = line.split('[');
  auto [address, after] = rest.split(']');
  if (!address.starts_with("%"))
    return (before + "[%shared_base+" + address + "]" + after + "\n").str();
  auto [reg, offset] = address.split('+');
  std::string plus = offset.empty() ? "" : ("+" + offset).str();
  return ("\tadd.s64 \t%shared_at, " + reg + ", %shared_base;\n" + before + "[%shared_at" + plus + "]" +
          after + "\n")
      .str();
}

std::string halyard::withSharedVariable(StringRef ptx) {
  if (!ptx.contains(".shared."))
    return ptx.str();
  std::string result;
  llvm::SmallVector<StringRef> lines;
  ptx.split(lines, '\n');
  bool isDeclared = false, isAtStart = false;
  for (StringRef line : lines) {
    StringRef words = line.ltrim();
    if (words.starts_with(".visible .entry") && !isDeclared) {
      result += kVariable;
      isDeclared = true;
    }
    bool isStatement = words.ends_with(";") && !words.starts_with(".");
    if (isAtStart && isStatement) {
      result += kRegisters;
      result += kBase;
      isAtStart = false;
    }
    isAtStart |= words == "{";
    if (words.starts_with("ld.shared") || words.starts_with("st.shared"))
      result += withBase(line);
    else
      result += (line + "\n").str();
  }
  return result;
}
