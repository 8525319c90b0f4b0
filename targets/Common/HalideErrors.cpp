// The reporter that Halide calls for everything it has to say.
#include "targets/Common/HalideErrors.h"

#include <Halide.h>

namespace {
class Reporter : public Halide::CompileTimeErrorReporter {
public:
  void warning(const char *) override {}
  [[noreturn]] void error(const char *message) override { throw Halide::CompileError(message); }
};
} // namespace

void halyard::kernels::captureHalideMessages() {
  static Reporter reporter;
  static const bool installed = (Halide::set_custom_compile_time_error_reporter(&reporter), true);
  (void)installed;
}
