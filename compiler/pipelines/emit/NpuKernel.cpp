// Kernels of an NPU; see the header. Commands are a few hundred bytes, which C++ can spell; weights lie in
// the file of weights.
#include "compiler/pipelines/emit/NpuKernel.h"
#include "targets/Common/HostTensor.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace halyard::emit {

static constexpr llvm::StringLiteral kSource =
    R"(// Sums of a linear layer of {2} features and {3} outputs on {0}, {1} rows at a time.
#include "halyard/npu.h"

namespace {{
alignas(16) const uint8_t commands[] = {{{4}};
const halyard_npu_layer layer = {{commands, sizeof(commands), {1}, {2}, {3}, {5}u, {6}u};
} // namespace

extern "C" int {7}(const halyard_buffer *codes, const halyard_buffer *weights, const halyard_buffer *memory,
                   const halyard_buffer *sums) {{
  return halyard_npu_sums(&layer, codes, weights, memory, sums);
}
)";

/// Bytes as the elements of an array.
static std::string spelled(ElementsAttr bytes) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto [at, byte] : llvm::enumerate(fromAttribute(bytes).values<uint8_t>()))
    stream << (at % 24 ? " " : "\n    ") << unsigned(byte) << ",";
  return text;
}

DictionaryAttr npuProgram(func::FuncOp kernel) {
  return kernel->getAttrOfType<DictionaryAttr>(rt::kNpuAttribute);
}

int64_t npuNumber(DictionaryAttr program, StringRef key) {
  return cast<IntegerAttr>(program.get(key)).getInt();
}

std::string npuKernelSource(func::FuncOp kernel) {
  DictionaryAttr program = npuProgram(kernel);
  auto number = [&](StringRef key) { return npuNumber(program, key); };
  return llvm::formatv(kSource.data(), cast<StringAttr>(program.get("name")).getValue(), number("rows"),
                       number("features"), number("outputs"),
                       spelled(cast<ElementsAttr>(program.get("commands"))), number("codes_at"),
                       number("sums_at"), kernel.getSymName());
}

} // namespace halyard::emit
