// What the inner loops of linear layers look like: the instructions they are built on are there, and no
// register is saved or restored among them.
#include "TargetsTest.h"

#include "targets/Common/Target.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace halyard;
using namespace halyard::test;

namespace {
struct Case {
  const char *target;
  /// Types of input and weight, and the operation's other operands.
  const char *input, *weight, *operands;
  const char *instruction, *registers;
  /// One for one row, for several, and for many.
  int tiles = 3;
};

void PrintTo(const Case &layer, std::ostream *stream) { *stream << layer.target; }

class AssemblyBase : public TargetsTest {
protected:
  std::string assemblyOf(const std::string &text, const char *target);
  std::string assemblyOf(const Case &layer);
};
class AssemblyTest : public AssemblyBase, public ::testing::WithParamInterface<Case> {};
class TensorCoreTest : public AssemblyBase {};
} // namespace

std::string AssemblyBase::assemblyOf(const std::string &text, const char *target) {
  mlir::func::FuncOp function = parse(text);
  llvm::SmallString<128> path;
  if (!function || llvm::sys::fs::createTemporaryFile("halyard", "s", path))
    return "";
  EXPECT_TRUE(mlir::succeeded(compileKernelToAssembly(function, *lookupTarget(target), path))) << messages;
  auto buffer = llvm::MemoryBuffer::getFile(path);
  std::string result = buffer ? (*buffer)->getBuffer().str() : "";
  llvm::sys::fs::remove(path);
  return result;
}

std::string AssemblyBase::assemblyOf(const Case &layer) {
  std::string input = layer.input, weight = layer.weight, operands = layer.operands;
  std::string rows = llvm::StringRef(input).split('<').second.split('x').first.str();
  std::string result = "tensor<" + rows + "x512xf32>";
  return assemblyOf(
      "func.func @linear(%x: " + input + ", %w: " + weight +
          ", %s: tensor<512xf32>, %g: tensor<8x8x64xf32>, %h: tensor<8x16x64xf32>, %t: tensor<" + rows +
          "xf32>, %c: tensor<512xi32>, %d: tensor<512xf32>) -> " + result + " {\n %y = seq.linear %x, %w " +
          operands + " : " + input + ", " + weight + " -> " + result + "\n return %y : " + result + "\n}",
      layer.target);
}

/// True for a jump to a label, as x86-64 and Arm write it, and for the end of a loop that Hexagon counts.
static bool jumpsTo(llvm::StringRef code, llvm::StringRef label) {
  bool isJump =
      code.starts_with("j") || code.starts_with("b.") || code.starts_with("bne") || code.starts_with("le\t");
  return (isJump && code.ends_with(label)) || code.ends_with(":endloop0");
}

/// The innermost loops: from a label to a jump back to it, with at most another label in between, that of a
/// condition which is checked in the middle.
static std::vector<std::string> innerLoops(llvm::StringRef assembly) {
  std::vector<std::string> loops;
  std::pair<std::string, size_t> labels[2]; // the last two, and where they begin
  size_t end = 0;
  for (llvm::StringRef line : llvm::split(assembly, '\n')) {
    const size_t begin = end;
    end += line.size() + 1;
    llvm::StringRef code = line.trim();
    if (code.starts_with(".LBB")) {
      labels[0] = labels[1];
      labels[1] = {code.split(':').first.str(), begin};
    }
    for (auto &[label, start] : llvm::reverse(labels))
      if (!label.empty() && jumpsTo(code, label)) {
        loops.push_back(assembly.slice(start, end).str());
        labels[0] = labels[1] = {};
      }
  }
  return loops;
}

TEST_P(AssemblyTest, KeepsInnerLoopsInRegisters) {
  const Case &layer = GetParam();
  int found = 0;
  for (const std::string &loop : innerLoops(assemblyOf(layer))) {
    if (loop.find(layer.instruction) == std::string::npos)
      continue;
    ++found;
    EXPECT_NE(loop.find(layer.registers), std::string::npos) << loop;
    EXPECT_EQ(loop.find("Spill"), std::string::npos) << loop;
    EXPECT_EQ(loop.find("Reload"), std::string::npos) << loop;
    EXPECT_EQ(loop.find("(%rsp)"), std::string::npos) << loop; // with an index it is an array
    EXPECT_EQ(loop.find("[sp"), std::string::npos) << loop;
    EXPECT_EQ(loop.find("(r29"), std::string::npos) << loop;
  }
  EXPECT_GE(found, layer.tiles) << layer.instruction;
}

/// Sums of a constant number of rows stay in registers, from one block of terms to the next too: none are set
/// to zero in memory.
TEST_F(AssemblyBase, KeepsConstantRowsInRegisters) {
  for (const char *rows : {"128", "1500"}) {
    std::string text = std::string("tensor<") + rows + "x512xf32>";
    std::string assembly =
        assemblyOf({"x86-64-v4-vnni", text.c_str(), "tensor<8x512x64x1xf32>", "", "vfmadd", "%zmm"});
    EXPECT_NE(assembly.find("vfmadd"), std::string::npos);
    EXPECT_EQ(assembly.find("memset"), std::string::npos) << rows;
  }
}

/// Both products of attention between rounded operands: 16 sums of a tile in a loop.
TEST_F(AssemblyBase, MultipliesCodesOfAttention) {
  const char *text = R"(
    func.func @attend(%q: tensor<?x128xf32>, %k: tensor<?x128xf32>, %v: tensor<?x128xf32>) -> tensor<?x128xf32> {
      %o = seq.attention %q, %k, %v {heads = 2 : i64, kv_heads = 2 : i64, scale = 0.125 : f64, bfloat_products}
        : tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x128xf32> -> tensor<?x128xf32>
      return %o : tensor<?x128xf32>
    })";
  int found = 0;
  for (llvm::StringRef loop : innerLoops(assemblyOf(text, "x86-64-v4-vnni")))
    found += loop.count("vpdpwssd") >= 16 && loop.contains("%zmm");
  EXPECT_GE(found, 2);
}

static int fetchingLoops(const std::string &assembly, llvm::StringRef instruction, llvm::StringRef fetch) {
  int found = 0;
  for (llvm::StringRef loop : innerLoops(assembly))
    found += loop.contains(instruction) && loop.contains(fetch) && !loop.contains("call");
  return found;
}

/// A few rows fetch the next panel while they pass one: half of it with each of the first two tiles of them,
/// or all of it with the only one, in a loop of its own; AVX-512 has such tiles of two widths. So does a
/// single row where it reads a panel in parts.
TEST_F(AssemblyBase, FetchesPanelsForFewRows) {
  auto layer = [&](const char *target) {
    return assemblyOf({target, "tensor<?x512xf32>", "tensor<8x512x64x1xf32>", "", "", ""});
  };
  auto codes = [&](const char *target) {
    const char *scales = "scale(%s : tensor<512xf32>) input_scale(%t : tensor<?xf32>)";
    return assemblyOf({target, "tensor<?x512xi8>", "tensor<8x128x64x4xi8>", scales, "", ""});
  };
  EXPECT_EQ(fetchingLoops(layer("x86-64-v4-vnni"), "vfmadd", "prefetcht1"), 4);
  EXPECT_EQ(fetchingLoops(layer("x86-64-v3"), "vfmadd", "prefetcht1"), 4);
  EXPECT_EQ(fetchingLoops(codes("x86-64-v3"), "vpmaddwd", "prefetcht1"), 6);
  EXPECT_EQ(fetchingLoops(layer("aarch64-neon"), "fmla", "pldl2keep"), 8);
}

/// Codes of 4 bits are multiplied as bytes, and 8 products added up in 16 bits, for one row, several, and
/// many. Signs of rows are not turned there, and those of weights only if they are stored signed.
TEST_F(AssemblyBase, AddsProductsOfNibblesInSixteenBits) {
  const char *isSigned = "scale(%h : tensor<8x16x64xf32>) input_scale(%t : tensor<?xf32>) {group = 32 : i64}",
             *isUnsigned = "scale(%h : tensor<8x16x64xf32>) input_scale(%t : tensor<?xf32>) "
                           "column_sums(%d : tensor<512xf32>) {zero_point = 128 : i64, group = 32 : i64}";
  auto turns = [&](const char *input, const char *weight, const char *operands) {
    int found = 0, result = 0;
    for (llvm::StringRef loop : innerLoops(assemblyOf({"x86-64-v3", input, weight, operands, "", ""}))) {
      EXPECT_FALSE(loop.contains("movzbl") || loop.contains("movsbl")) << "codes one by one:\n" << loop.str();
      if (!loop.contains("vpmaddubsw"))
        continue;
      ++found;
      result += loop.count("vpxor");
      EXPECT_TRUE(loop.contains("%ymm") && !loop.contains("vpmovsx")) << loop.str();
      EXPECT_EQ(loop.count("vpmaddubsw"), loop.count("vpaddw")) << loop.str();
    }
    EXPECT_GE(found, 3);
    return result;
  };
  EXPECT_EQ(turns("tensor<?x512xi8>", "tensor<8x64x64x4xui8>", isSigned), 0);
  EXPECT_EQ(turns("tensor<?x512xui8>", "tensor<8x64x64x4xui8>", isUnsigned), 0);
  EXPECT_EQ(turns("tensor<?x512xi8>", "tensor<8x64x64x4xi8>", isSigned),
            turns("tensor<?x512xui8>", "tensor<8x64x64x4xi8>", isUnsigned));
}

/// Rows of a cache fetch keys and values.
TEST_F(AssemblyBase, FetchesKeysAndValues) {
  const char *text = R"(
    !keys = !seq.cache<256, 128, i8, <2 x 128, feature_pairs>>
    !values = !seq.cache<256, 128, i8, <2 x 128, row_pairs>>
    !scales = !seq.cache<256, 2, f32, <2 x 128, rows>>
    func.func @attend(%q: tensor<?x128xf32>, %k: !keys, %v: !values, %ks: !scales, %vs: !scales,
                      %slot: tensor<?xi32>, %position: tensor<?xi32>) -> tensor<?x128xf32> {
      %o = seq.attention %q, %k, %v scales(%ks, %vs : !scales, !scales)
        rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 0.125 : f64}
        : tensor<?x128xf32>, !keys, !values -> tensor<?x128xf32>
      return %o : tensor<?x128xf32>
    })";
  EXPECT_EQ(fetchingLoops(assemblyOf(text, "x86-64-v4-vnni"), "vpdpwssd", "prefetcht1"), 2);
}

/// Many rows of f16 are multiplied by tensor cores, few are not.
TEST_F(TensorCoreTest, MultipliesManyRows) {
  const char *rows[] = {"?", "16", "15"};
  for (const char *count : rows) {
    std::string input = std::string("tensor<") + count + "x512xf16>";
    std::string assembly = assemblyOf({"cuda-ptx", input.c_str(), "tensor<32x32x16x16xf16>", "", "", ""});
    EXPECT_EQ(assembly.find("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32") != std::string::npos,
              count != rows[2]);
    EXPECT_NE(assembly.find(".entry"), std::string::npos);
  }
}

static const char *const kCodeOperands =
    "scale(%s : tensor<512xf32>) input_scale(%t : tensor<?xf32>) column_sums(%c : tensor<512xi32>) "
    "{zero_point = 128 : i64}";
static const char *const kNarrowOperands =
    "scale(%s : tensor<512xf32>) input_scale(%t : tensor<?xf32>) column_sums(%c : tensor<512xi32>) "
    "{zero_point = 128 : i64, narrow_pairs}";
static const char *const kSignedOperands = "scale(%s : tensor<512xf32>) input_scale(%t : tensor<?xf32>)";
static const char *const kSignedGroupOperands =
    "scale(%g : tensor<8x8x64xf32>) input_scale(%t : tensor<?xf32>) {group = 64 : i64}";
static const char *const kGroupOperands =
    "scale(%g : tensor<8x8x64xf32>) input_scale(%t : tensor<?xf32>) column_sums(%d : tensor<512xf32>) "
    "{zero_point = 128 : i64, group = 64 : i64}";
static const char *const kShortGroupOperands =
    "scale(%h : tensor<8x16x64xf32>) input_scale(%t : tensor<?xf32>) column_sums(%d : tensor<512xf32>) "
    "{zero_point = 128 : i64, group = 32 : i64}";

INSTANTIATE_TEST_SUITE_P(
    Linear, AssemblyTest,
    ::testing::Values(
        Case{"x86-64-v4-vnni", "tensor<?x512xf32>", "tensor<8x512x64x1xf32>", "", "vfmadd", "%zmm"},
        Case{"x86-64-v4-vnni", "tensor<?x512xbf16>", "tensor<8x256x64x2xbf16>", "", "vdpbf16ps", "%zmm"},
        Case{"x86-64-v4-vnni", "tensor<?x512xui8>", "tensor<8x128x64x4xi8>", kCodeOperands, "vpdpbusd",
             "%zmm"},
        Case{"x86-64-v4-vnni", "tensor<?x512xui8>", "tensor<8x64x64x4xi8>", kGroupOperands, "vpdpbusd",
             "%zmm"},
        Case{"x86-64-v4", "tensor<?x512xf32>", "tensor<8x512x64x1xf32>", "", "vfmadd", "%zmm"},
        Case{"x86-64-v4", "tensor<?x512xi8>", "tensor<8x128x64x4xi8>", kSignedOperands, "vpmaddwd", "%zmm"},
        Case{"x86-64-v3", "tensor<?x512xf32>", "tensor<8x512x64x1xf32>", "", "vfmadd", "%ymm"},
        Case{"x86-64-v4", "tensor<?x512xui8>", "tensor<8x128x64x4xi8>", kNarrowOperands, "vpmaddubsw",
             "%zmm"},
        Case{"x86-64-v3", "tensor<?x512xi8>", "tensor<8x128x64x4xi8>", kSignedOperands, "vpmaddwd", "%ymm"},
        Case{"x86-64-v3", "tensor<?x512xui8>", "tensor<8x128x64x4xi8>", kNarrowOperands, "vpmaddubsw",
             "%ymm"},
        Case{"x86-64-v3", "tensor<?x512xui8>", "tensor<8x64x64x4xui8>", kShortGroupOperands, "vpmaddubsw",
             "%ymm"},
        Case{"x86-64-v3-vnni", "tensor<?x512xf32>", "tensor<8x512x64x1xf32>", "", "vfmadd", "%ymm"},
        Case{"x86-64-v3-vnni", "tensor<?x512xui8>", "tensor<8x128x64x4xi8>", kCodeOperands, "vpdpbusd",
             "%ymm"},
        Case{"x86-64-v3-vnni", "tensor<?x512xui8>", "tensor<8x64x64x4xui8>", kGroupOperands, "vpdpbusd",
             "%ymm"},
        Case{"aarch64-neon", "tensor<?x512xf32>", "tensor<8x512x64x1xf32>", "", "fmla", ".4s"},
        Case{"aarch64-neon", "tensor<?x512xbf16>", "tensor<8x256x64x2xbf16>", "", "fmla", ".4s"},
        Case{"aarch64-neon", "tensor<?x512xi8>", "tensor<8x128x64x4xi8>", kSignedOperands, "smull", "sadalp"},
        Case{"aarch64-neon", "tensor<?x512xi8>", "tensor<8x64x64x4xi8>", kSignedGroupOperands, "smull",
             "sadalp"},
        Case{"aarch64-neon+dotprod", "tensor<?x512xi8>", "tensor<8x128x64x4xi8>", kSignedOperands, "sdot",
             ".16b"},
        Case{"aarch64-neon+dotprod", "tensor<?x512xi8>", "tensor<8x64x64x4xi8>", kSignedGroupOperands, "sdot",
             ".16b"},
        Case{"hexagon-hvx", "tensor<?x512xi8>", "tensor<8x128x64x4xi8>", kSignedOperands, "vrmpy", ".w +="},
        Case{"cortex-m55", "tensor<?x512xi8>", "tensor<128x32x4x16xi8>", kSignedOperands, "vmlava.s8", "q",
             /*tiles=*/1}),
    [](const ::testing::TestParamInfo<Case> &info) {
      std::string name =
          info.param.target + std::string("_") + info.param.instruction + "_" + std::to_string(info.index);
      std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
      return name;
    });
