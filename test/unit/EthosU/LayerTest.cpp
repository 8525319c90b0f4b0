// Layers as they reach an NPU. The same TOSA function is computed by the TOSA reference model, and, compiled
// by Vela, by the stand-in for the NPU; both have to give the sums that loops give.
#include "Commands.h"
#include "targets/Common/Process.h"
#include "targets/EthosU/EthosU.h"
#include "targets/EthosU/TosaLayer.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <random>

using namespace halyard;

namespace {

struct Shape {
  const char *npu;
  int64_t rows, features, outputs;
  bool wide; // codes of all values alike, which do not compress
};

void PrintTo(const Shape &shape, std::ostream *out) { *out << shape.npu; }

/// A layer of random codes, and its sums by loops.
struct Case {
  explicit Case(const Shape &shape)
      : weight(shape.outputs * shape.features), codes(shape.rows * shape.features) {
    std::mt19937 random(unsigned(shape.rows + 31 * shape.features + 997 * shape.outputs));
    std::uniform_int_distribution<int> any(-127, 127);
    std::normal_distribution<float> near(0, 30);
    for (char &code : weight)
      code = char(shape.wide ? any(random) : std::clamp(int(near(random)), -127, 127));
    for (char &code : codes)
      code = char(any(random));
    codes.front() = codes.back() = -128;
    layer = {weight, shape.rows, shape.features, shape.outputs};
    for (int64_t row = 0; row < shape.rows; ++row)
      for (int64_t output = 0; output < shape.outputs; ++output) {
        int32_t sum = 0;
        for (int64_t i = 0; i < shape.features; ++i)
          sum += int8_t(codes[row * shape.features + i]) * int8_t(weight[output * shape.features + i]);
        sums.push_back(sum);
      }
  }

  std::vector<char> weight, codes;
  std::vector<int32_t> sums;
  NpuLayer layer;
};

class Layer : public testing::TestWithParam<Shape> {
protected:
  void SetUp() override {
    ASSERT_EQ(makeEthosU(GetParam().npu)->missing(), "");
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("halyard-layer", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(const char *file) const { return (folder + "/" + file).str(); }

  void write(const char *file, llvm::StringRef text) const {
    std::error_code error;
    llvm::raw_fd_ostream stream(path(file), error);
    ASSERT_FALSE(error) << error.message();
    stream << text;
  }

  void call(const char *tool, const std::vector<std::string> &arguments) const {
    llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(tool);
    ASSERT_TRUE(program) << tool << " is not on PATH";
    ProcessResult result = runProcess(*program, arguments);
    ASSERT_EQ(result.status, 0) << tool << result.explanation();
  }

  llvm::SmallString<128> folder;
};

TEST_P(Layer, IsComputedByTheReferenceModel) {
  const Shape &shape = GetParam();
  Case test(shape);
  write("layer.mlir", tosaLayer(test.layer));
  std::string description = llvm::formatv(
      "{{'descr': '|i1', 'fortran_order': False, 'shape': (1, 1, {0}, {1}), }\n", shape.rows, shape.features);
  std::string codes("\x93NUMPY\x01\x00", 8);
  codes += {char(description.size()), 0};
  write("codes.npy", codes + description + std::string(test.codes.begin(), test.codes.end()));
  call("tosa-opt", {path("layer.mlir"), "--tosa-attach-target=specification_version=1.0 profiles=pro_int",
                    "--tosa-serialize=tosa-flatbuffer-filename=" + path("layer.tosa") +
                        " retain-graph-input-output-names",
                    "-o", "/dev/null"});
  call("tosa_reference_model",
       {"--tosa_file=" + path("layer.tosa"), "--flatbuffer_dir=" + folder.str().str(),
        "--output_dir=" + folder.str().str(), "--ifm_name=" + kTosaCodes.str(), "--ifm_file=codes.npy",
        "--ofm_name=" + kTosaSums.str(), "--ofm_file=sums.npy"});
  auto file = llvm::MemoryBuffer::getFile(path("sums.npy"));
  ASSERT_TRUE(file);
  llvm::StringRef bytes = (*file)->getBuffer();
  ASSERT_TRUE(bytes.contains("'<i4'"));
  ASSERT_GT(bytes.size(), test.sums.size() * sizeof(int32_t));
  bytes = bytes.take_back(test.sums.size() * sizeof(int32_t));
  EXPECT_EQ(memcmp(bytes.data(), test.sums.data(), bytes.size()), 0);
}

TEST_P(Layer, IsComputedByWhatVelaMakesOfIt) {
  const Shape &shape = GetParam();
  Case test(shape);
  mlir::MLIRContext context;
  mlir::FailureOr<NpuProgram> program =
      makeEthosU(shape.npu)->compile(test.layer, mlir::UnknownLoc::get(&context));
  ASSERT_TRUE(succeeded(program));
  EXPECT_GT(program->cycles, 0);
  std::vector<char> memory(program->memoryBytes, 0x55);
  ASSERT_LE(program->codesAt + int64_t(test.codes.size()), program->memoryBytes);
  ASSERT_LE(program->sumsAt + int64_t(test.sums.size() * sizeof(int32_t)), program->memoryBytes);
  memcpy(&memory[program->codesAt], test.codes.data(), test.codes.size());
  ethosu::Region regions[] = {{reinterpret_cast<uint8_t *>(program->weights.data()), program->weights.size()},
                              {reinterpret_cast<uint8_t *>(memory.data()), memory.size()}};
  const char *problem = ethosu::run(program->commands.data(), program->commands.size(), regions, 2);
  ASSERT_EQ(problem, nullptr) << problem;
  std::vector<int32_t> sums(test.sums.size());
  memcpy(sums.data(), &memory[program->sumsAt], sums.size() * sizeof(int32_t));
  EXPECT_EQ(sums, test.sums);
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const TargetOption &npu : ethosUOptions())
    for (auto [rows, features, outputs, wide] : {std::tuple(1, 33, 8, false),
                                                 {16, 64, 96, false},
                                                 {16, 37, 19, true},
                                                 {3, 130, 257, false},
                                                 {16, 24, 1000, false},
                                                 {8, 512, 700, true}})
      all.push_back({npu.name.data(), rows, features, outputs, wide});
  return all;
}

std::string nameOf(const testing::TestParamInfo<Shape> &info) {
  std::string npu = info.param.npu;
  std::replace(npu.begin(), npu.end(), '-', '_');
  return llvm::formatv("{0}_{1}x{2}x{3}", npu, info.param.rows, info.param.features, info.param.outputs);
}

INSTANTIATE_TEST_SUITE_P(EthosU, Layer, testing::ValuesIn(shapes()), nameOf);

} // namespace
