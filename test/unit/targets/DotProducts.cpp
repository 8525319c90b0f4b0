// Words are multiplied exactly by AVX2; bytes become words, those of even numbers and those of odd ones.
#include "DotProducts.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

using namespace halyard;
using namespace halyard::test;

bool halyard::test::lacksDotProducts(const Target &target) {
  return target.name() == "x86-64-v3-vnni" && !target.runsHere() && lookupTarget("x86-64-v3")->runsHere();
}

bool halyard::test::runsInProcess(const Target &target) {
  return target.runsHere() || lacksDotProducts(target);
}

namespace {
/// sum += what `second`, in memory or a register, and `first` give. Three registers that none of them is are
/// kept below what functions may use under their stack pointer.
struct DotProduct {
  std::string second, first, sum;
  std::string scratch[3];

  DotProduct(llvm::ArrayRef<llvm::StringRef> operands)
      : second(operands[0]), first(operands[1]), sum(operands[2]) {
    const std::string kind = sum.substr(0, sum.find("mm") + 2);
    int found = 0;
    for (int number = 0; found < 3; ++number)
      if (std::string name = kind + std::to_string(number); !llvm::is_contained(operands, name))
        scratch[found++] = name;
  }

  std::string keeping(const std::string &text) const {
    std::string saved, restored;
    for (auto [i, name] : llvm::enumerate(scratch)) {
      const std::string place = std::to_string(-256 - 32 * static_cast<int>(i)) + "(%rsp)";
      const std::string whole = "%y" + name.substr(2); // writing a half clears the other
      saved += "vmovdqu " + whole + ", " + place + "\n";
      restored += "vmovdqu " + place + ", " + whole + "\n";
    }
    return saved + text + restored;
  }

  std::string ofWords() const {
    const char *pattern = "vmovdqu {0}, {3}\n"
                          "vpmaddwd {3}, {1}, {3}\n"
                          "vpaddd {3}, {2}, {2}\n";
    return keeping(llvm::formatv(pattern, second, first, sum, scratch[0]).str());
  }

  /// Bytes of even numbers are multiplied as words, and so are those of odd ones.
  std::string ofBytes() const {
    const char *pattern = "vmovdqu {0}, {3}\n"
                          "vpsraw $8, {3}, {4}\n"
                          "vpsrlw $8, {1}, {5}\n"
                          "vpmaddwd {4}, {5}, {4}\n"
                          "vpsllw $8, {3}, {3}\n"
                          "vpsraw $8, {3}, {3}\n"
                          "vpsllw $8, {1}, {5}\n"
                          "vpsrlw $8, {5}, {5}\n"
                          "vpmaddwd {3}, {5}, {3}\n"
                          "vpaddd {4}, {2}, {2}\n"
                          "vpaddd {3}, {2}, {2}\n";
    return keeping(llvm::formatv(pattern, second, first, sum, scratch[0], scratch[1], scratch[2]).str());
  }
};
} // namespace

std::string halyard::test::withoutDotProducts(llvm::StringRef assembly) {
  const llvm::Regex product("^[[:space:]]*(\\{vex\\})?[[:space:]]*vpdp(busd|wssd)[[:space:]]+"
                            "([^%(,]*\\([^)]*\\)|%[xy]mm[0-9]+), (%[xy]mm[0-9]+), (%[xy]mm[0-9]+)");
  std::string result;
  for (llvm::StringRef line : llvm::split(assembly, '\n')) {
    llvm::SmallVector<llvm::StringRef> parts;
    if (!product.match(line, &parts)) {
      result += line.str() + "\n";
      continue;
    }
    DotProduct dot(llvm::ArrayRef(parts).take_back(3));
    result += parts[2] == "busd" ? dot.ofBytes() : dot.ofWords();
  }
  return result;
}
