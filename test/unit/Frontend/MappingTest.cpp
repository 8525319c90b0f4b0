// Large tensors are used where they lie in the file: attributes point into its mapping and keep it mapped.
#include "compiler/frontend/Import.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include "llvm/Support/FileSystem.h"

#include <fstream>
#include <gtest/gtest.h>
#include <onnx-ml.pb.h>

using namespace mlir;

namespace {

constexpr int64_t kElements = 1 << 12;

/// Where a file is mapped in this process; empty if it is not.
std::pair<uintptr_t, uintptr_t> mappedRange(const std::string &path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (StringRef(line).ends_with(path)) {
      StringRef range = StringRef(line).split(' ').first;
      uintptr_t begin = 0, end = 0;
      range.split('-').first.getAsInteger(16, begin);
      range.split('-').second.getAsInteger(16, end);
      return {begin, end};
    }
  return {0, 0};
}

/// Writes a model that returns one large tensor.
void writeModel(const std::string &path) {
  ::onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(18);
  ::onnx::GraphProto *graph = model.mutable_graph();
  ::onnx::TensorProto *tensor = graph->add_initializer();
  tensor->set_name("weight");
  tensor->set_data_type(::onnx::TensorProto::FLOAT);
  tensor->add_dims(kElements);
  std::vector<float> values(kElements, 2.5f);
  tensor->set_raw_data(values.data(), values.size() * sizeof(float));
  tensor->set_data_location(::onnx::TensorProto::DEFAULT); // must not hide that the data was left in the file
  ::onnx::ValueInfoProto *output = graph->add_output();
  output->set_name("weight");
  output->mutable_type()->mutable_tensor_type()->set_elem_type(::onnx::TensorProto::FLOAT);
  std::ofstream(path) << model.SerializeAsString();
}

TEST(Mapping, LargeTensorsStayInTheFile) {
  SmallString<64> temporary;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("halyard", "onnx", temporary));
  std::string path(temporary);
  writeModel(path);
  {
    MLIRContext context(MLIRContext::Threading::DISABLED);
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    FailureOr<func::FuncOp> function = halyard::onnx::importFile(*module, path, "main");
    ASSERT_TRUE(succeeded(function));
    auto constant = *function->getOps<halyard::onnx::ConstantOp>().begin();
    auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
    ASSERT_TRUE(resource);
    ArrayRef<char> data = resource.getRawHandle().getBlob()->getData();
    auto [begin, end] = mappedRange(path);
    auto address = reinterpret_cast<uintptr_t>(data.data());
    EXPECT_GE(address, begin);
    EXPECT_LE(address + data.size(), end);
    float last;
    std::memcpy(&last, data.end() - sizeof(last), sizeof(last)); // alignment is the file's
    EXPECT_EQ(last, 2.5f);
    EXPECT_EQ(data.size(), kElements * sizeof(float));
  }
  EXPECT_EQ(mappedRange(path).first, 0u) << "the mapping outlives the context";
  llvm::sys::fs::remove(path);
}

} // namespace
