// Where operators are computed; see the header.
#include "compiler/pipelines/emit/Placement.h"
#include "compiler/pipelines/emit/NpuKernel.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace halyard::emit {

/// The model's node that an operation comes from, the first of several.
static std::string nodeOf(Location location) {
  auto name = location->findInstanceOf<NameLoc>();
  return name ? name.getName().str() : std::string();
}

Placement placementOf(rt::ProgramOp program) {
  Placement placement;
  llvm::StringSet<> counted;
  program.walk([&](rt::KernelCallOp call) {
    auto kernel = cast<func::FuncOp>(SymbolTable::lookupSymbolIn(program, call.getKernelAttr()));
    DictionaryAttr npu = npuProgram(kernel);
    llvm::json::Object entry{{"stage", call->getParentOfType<func::FuncOp>().getSymName()},
                             {"operator", nodeOf(call.getLoc())},
                             {"kernel", call.getKernel()},
                             {"placed", "processor"}};
    ++placement.all;
    if (npu) {
      placement.npu = cast<StringAttr>(npu.get("name")).getValue().str();
      entry["placed"] = placement.npu;
      for (StringRef key : {"rows", "cycles", "memory_bytes", "weight_bytes"})
        entry[key] = npuNumber(npu, key);
      ++placement.onNpu;
      placement.memoryBytes = std::max(placement.memoryBytes, npuNumber(npu, "memory_bytes"));
      // Kernels of equal commands are one, whatever their weights.
      auto weights = call.getArguments()[1].getDefiningOp<rt::WeightOp>();
      if (counted.insert(weights.getConstant()).second)
        placement.weightBytes += npuNumber(npu, "weight_bytes");
    }
    placement.operators.push_back(std::move(entry));
  });
  return placement;
}

} // namespace halyard::emit
