// Halide prints functions as C++ and puts more than 100 KB before them: its whole runtime interface, vectors,
// and descriptions of the arguments. Only the functions are kept here; the little that they use is written
// once, in a header of the runtime.
#include "targets/Common/KernelSource.h"

#include <Halide.h>

#include <fstream>
#include <sstream>

/// Compilers may make one operation of a multiplication and an addition, unless they are told.
static constexpr const char *kUncontracted = "#if defined(__clang__)\n"
                                             "#pragma clang fp contract(off)\n"
                                             "#elif defined(__GNUC__)\n"
                                             "#pragma GCC optimize(\"fp-contract=off\")\n"
                                             "#endif\n\n";

namespace {
class KernelPrinter : public Halide::Internal::CodeGen_C {
public:
  /// What the constructor prints is dropped.
  KernelPrinter(std::ostringstream &text, const Halide::Target &target) : CodeGen_C(text, target) {
    text.str("");
    uses_gpu_for_loops = false; // otherwise found out for a whole module
  }

  void print(const Halide::Module &kernel) {
    if (!kernel.buffers().empty())
      throw Halide::CompileError("constants inside kernels cannot be printed");
    for (const Halide::Internal::LoweredFunc &function : kernel.functions())
      compile(function, {});
  }

protected:
  std::string print_type(Halide::Type type, AppendSpaceIfNeeded space) override {
    if (type.is_vector())
      throw Halide::CompileError("vectors cannot be printed");
    return CodeGen_C::print_type(type, space);
  }
};
} // namespace

void halyard::kernels::writeKernelSource(const Halide::Module &kernel, llvm::StringRef path) {
  std::ostringstream text;
  {
    KernelPrinter printer(text, kernel.target());
    printer.print(kernel);
  } // closes what it opened
  std::ofstream file(path.str());
  file << "// A kernel compiled by Halyard.\n#include \"halyard/portable.h\"\n\n";
  if (kernel.target().has_feature(Halide::Target::StrictFloat))
    file << kUncontracted;
  file << text.str();
  if (!file.flush())
    throw Halide::RuntimeError(path.str() + ": cannot be written");
}
