// report.json; see the header.
#include "compiler/pipelines/emit/Report.h"
#include "compiler/pipelines/emit/KernelWork.h"
#include "compiler/pipelines/emit/Placement.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard::emit {

/// Dictionaries of integers and dictionaries, as costs are kept.
static llvm::json::Value toJson(Attribute attribute) {
  if (auto integer = dyn_cast_or_null<IntegerAttr>(attribute))
    return integer.getInt();
  llvm::json::Object object;
  if (auto dictionary = dyn_cast_or_null<DictionaryAttr>(attribute))
    for (NamedAttribute entry : dictionary)
      object[entry.getName().getValue()] = toJson(entry.getValue());
  return object;
}

/// What a program that cannot load the artifact needs to know of its source.
static llvm::json::Object sourceOf(rt::ProgramOp program) {
  auto type = cast<RankedTensorType>(program.getSourceType());
  llvm::json::Array shape;
  for (int64_t extent : type.getShape())
    shape.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
  return llvm::json::Object{{"name", program.getSourceName()},
                            {"vocabulary", int64_t(program.getSourceVocabulary())},
                            {"type", llvm::formatv("{0}", type.getElementType()).str()},
                            {"shape", std::move(shape)},
                            {"masked", program.getMasked()}};
}

std::string report(rt::ProgramOp program, const Target &target, const ArtifactOptions &options,
                   ArrayRef<std::string> kernels) {
  llvm::json::Object asked;
  for (const auto &[option, value] : options.compileOptions)
    asked[option] = value;
  llvm::json::Object top{{"halyard", "artifact"},
                         {"name", program.getSymName()},
                         {"target", target.name()},
                         {"limits", llvm::json::Object{{"max_source", int64_t(program.getMaxSource())},
                                                       {"max_target", int64_t(program.getMaxTarget())},
                                                       {"max_rows", int64_t(program.getMaxRows())},
                                                       {"slots", int64_t(program.getSlots())}}},
                         {"vocabulary", int64_t(program.getVocabulary())},
                         {"source", sourceOf(program)},
                         {"memory_features", int64_t(program.getMemoryFeatures())},
                         {"mode", program.getRecompute() ? "recompute" : "incremental"},
                         {"arena_bytes", int64_t(*program.getArenaBytes())},
                         {"weights_bytes", int64_t(*program.getWeightsBytes())},
                         {"kernels", llvm::json::Array(kernels)},
                         {"kernel_work", kernelWork(program)},
                         {"cost", toJson(program->getAttr("cost"))},
                         {"options", std::move(asked)}};
  if (Placement placement = placementOf(program); !placement.npu.empty())
    top["placement"] = std::move(placement.operators);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(top)));
  return text;
}

} // namespace halyard::emit
