// Indirect functions (ifunc): the dynamic linker, or the start of a static program, calls a resolver for each
// kernel, and calls go straight to what it returned. That costs nothing per call and leaves no variable that
// a first call would have to set.
#include "compiler/pipelines/emit/Dispatch.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace halyard::emit {

static constexpr llvm::StringLiteral kHead =
    R"(// Which of several instruction sets each kernel uses: decided once, when the program is loaded.
{2}namespace {{
// Resolvers run before constructors do, so the processor is asked here.
int level() {{
  __builtin_cpu_init();
{0}  return {1};
}
} // namespace

#define KERNEL(NAME, ...)                                                                          \
  extern "C" {{                                                                                     \
  void *NAME##_choose(void) {{                                                                      \
    void *levels[] = {{__VA_ARGS__};                                                                \
    return levels[level()];                                                                        \
  }                                                                                                \
  __attribute__((ifunc(#NAME "_choose"))) int NAME(void);                                          \
  }

)";

static std::string suffixOf(const Target &level) {
  std::string name = level.name().str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string nameAtLevel(llvm::StringRef kernel, const Target &level) {
  return (kernel + "_" + suffixOf(level)).str();
}

/// Declarations of the functions of the runtime that are asked.
static std::string declarations(llvm::ArrayRef<const Target *> levels) {
  std::string text;
  for (const Target *level : levels)
    if (!level->systemCheck().empty())
      text +=
          ("extern \"C\" __attribute__((visibility(\"hidden\"))) int " + level->systemCheck() + "(void);\n")
              .str();
  return text;
}

/// A condition and what follows from it for every level but the last.
static std::string checks(llvm::ArrayRef<const Target *> levels) {
  std::string text;
  for (auto [index, level] : llvm::enumerate(levels.drop_back())) {
    auto supports = [](llvm::StringRef feature) {
      return ("__builtin_cpu_supports(\"" + feature + "\")").str();
    };
    text += "  if (" + llvm::join(llvm::map_range(level->processorFeatures(), supports), " &&\n      ");
    if (!level->systemCheck().empty())
      text += (" &&\n      " + level->systemCheck() + "()").str();
    text += ")\n    return " + std::to_string(index) + ";\n";
  }
  return text;
}

std::string dispatchSource(llvm::ArrayRef<std::string> kernels, const Target &target) {
  llvm::ArrayRef<const Target *> levels = target.levels();
  std::string text =
      llvm::formatv(kHead.data(), checks(levels), levels.size() - 1, declarations(levels)).str();
  for (const std::string &kernel : kernels) {
    std::string addresses;
    for (const Target *level : levels) {
      std::string name = nameAtLevel(kernel, *level);
      text += "extern \"C\" int " + name + "(void);\n";
      addresses += ", reinterpret_cast<void *>(&" + name + ")";
    }
    text += "KERNEL(" + kernel + addresses + ")\n";
  }
  return text;
}

} // namespace halyard::emit
