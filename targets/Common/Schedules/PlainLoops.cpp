// Halide has no directive that takes a loop's kind back, so the kinds are changed where schedules keep them.
#include "targets/Common/Schedules/PlainLoops.h"

using namespace halyard::kernels;
using Halide::Internal::Definition;
using Halide::Internal::Dim;
using Halide::Internal::ForType;

static void makePlain(Definition &definition, bool keepsParallel) {
  for (Dim &loop : definition.schedule().dims())
    if (loop.for_type == ForType::Vectorized || (loop.for_type == ForType::Parallel && !keepsParallel))
      loop.for_type = ForType::Serial;
  // Nothing is updated by several at a time any more.
  definition.schedule().atomic() = false;
  for (auto &branch : definition.specializations())
    makePlain(branch.definition, keepsParallel);
}

void halyard::kernels::makeLoopsPlain(Kernel &kernel, bool keepsParallel) {
  std::map<std::string, Halide::Internal::Function> all;
  for (const Output &output : kernel.outputs)
    all.merge(Halide::Internal::find_transitive_calls(output.func.function()));
  for (auto &[name, function] : all) {
    if (!function.has_pure_definition())
      continue;
    makePlain(function.definition(), keepsParallel);
    for (size_t index = 0; index < function.updates().size(); ++index)
      makePlain(function.update(index), keepsParallel);
  }
}
