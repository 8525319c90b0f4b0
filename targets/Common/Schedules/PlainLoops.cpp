// Halide has no directive that takes a loop's kind back, so the kinds are changed where schedules keep them.
#include "targets/Common/Schedules/PlainLoops.h"

using namespace halyard::kernels;
using Halide::Internal::Definition;
using Halide::Internal::Dim;
using Halide::Internal::ForType;

static void makeSerial(Definition &definition, ForType kind) {
  for (Dim &loop : definition.schedule().dims())
    if (loop.for_type == kind)
      loop.for_type = ForType::Serial;
  if (kind == ForType::Vectorized) // nothing is updated by several at a time any more
    definition.schedule().atomic() = false;
  for (auto &branch : definition.specializations())
    makeSerial(branch.definition, kind);
}

static void makeSerial(Kernel &kernel, ForType kind) {
  std::map<std::string, Halide::Internal::Function> all;
  for (const Output &output : kernel.outputs)
    all.merge(Halide::Internal::find_transitive_calls(output.func.function()));
  for (auto &[name, function] : all) {
    if (!function.has_pure_definition())
      continue;
    makeSerial(function.definition(), kind);
    for (size_t index = 0; index < function.updates().size(); ++index)
      makeSerial(function.update(index), kind);
  }
}

void halyard::kernels::dropThreads(Kernel &kernel) { makeSerial(kernel, ForType::Parallel); }

void halyard::kernels::dropVectors(Kernel &kernel) { makeSerial(kernel, ForType::Vectorized); }
