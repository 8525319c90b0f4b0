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

std::map<std::string, Halide::Internal::Function> halyard::kernels::functionsOf(const Kernel &kernel) {
  std::map<std::string, Halide::Internal::Function> all;
  for (const Output &output : kernel.outputs)
    all.merge(Halide::Internal::find_transitive_calls(output.func.function()));
  return all;
}

/// Branches of a definition share its expressions or have simpler ones.
static void makeSerial(Kernel &kernel, ForType kind, llvm::function_ref<bool(const Definition &)> applies) {
  for (auto [name, function] : functionsOf(kernel)) {
    if (function.has_pure_definition() && applies(function.definition()))
      makeSerial(function.definition(), kind);
    for (size_t index = 0; index < function.updates().size(); ++index)
      if (applies(function.update(index)))
        makeSerial(function.update(index), kind);
  }
}

static bool any(const Definition &) { return true; }

void halyard::kernels::dropThreads(Kernel &kernel) { makeSerial(kernel, ForType::Parallel, any); }

void halyard::kernels::dropVectors(Kernel &kernel) { makeSerial(kernel, ForType::Vectorized, any); }

void halyard::kernels::dropVectors(Kernel &kernel,
                                   llvm::function_ref<bool(const Definition &)> ofDefinition) {
  makeSerial(kernel, ForType::Vectorized, ofDefinition);
}
