// What deterministic kernels may not be built of: instructions that multiply and add at once, and ones that
// approximate, each processor in its own way.
#include "TargetsTest.h"

#include "targets/Common/Target.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"

using namespace halyard;
using namespace halyard::test;

namespace {
class DeterministicTest : public TargetsTest {
protected:
  std::string assemblyOf(const char *text, const char *target, bool isDeterministic) {
    mlir::func::FuncOp function = parse(text);
    llvm::SmallString<128> path;
    if (!function || llvm::sys::fs::createTemporaryFile("halyard", "s", path))
      return "";
    if (isDeterministic)
      function->setAttr("seq.deterministic", mlir::UnitAttr::get(&context));
    EXPECT_TRUE(mlir::succeeded(compileKernelToAssembly(function, *lookupTarget(target), path))) << messages;
    auto buffer = llvm::MemoryBuffer::getFile(path);
    std::string result = buffer ? (*buffer)->getBuffer().str() : "";
    llvm::sys::fs::remove(path);
    return result;
  }
};
} // namespace

static const char *const kKernels[] = {
    "func.func @linear(%x: tensor<?x64xf32>, %w: tensor<1x64x64x1xf32>) -> tensor<?x64xf32> {\n"
    " %y = seq.linear %x, %w : tensor<?x64xf32>, tensor<1x64x64x1xf32> -> tensor<?x64xf32>\n"
    " return %y : tensor<?x64xf32>\n}",
    "func.func @attend(%q: tensor<?x64xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>) -> tensor<?x64xf32> "
    "{\n"
    " %o = seq.attention %q, %k, %v {heads = 2 : i64, kv_heads = 2 : i64, scale = 0.2 : f64}\n"
    "   : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32> -> tensor<?x64xf32>\n"
    " return %o : tensor<?x64xf32>\n}",
    "func.func @norm(%x: tensor<?x64xf32>, %s: tensor<64xf32>) -> tensor<?x64xf32> {\n"
    " %y = seq.norm layer %x, %s bias(%s : tensor<64xf32>) {epsilon = 1.0e-5 : f64}\n"
    "   : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>\n"
    " return %y : tensor<?x64xf32>\n}"};

TEST_F(DeterministicTest, RoundsEveryOperation) {
  llvm::Regex fused("[[:space:]](vfn?m(add|sub)|fn?m(add|sub)|fml[as])"),
      other("rsqrt|rcp(p|s)s|vrcp|frecp|frsqrt|dpbf16");
  for (const char *target : {"x86-64-v3", "x86-64-v4-vnni", "aarch64-neon"})
    for (const char *kernel : kKernels) {
      SCOPED_TRACE(std::string(target) + ": " + kernel);
      EXPECT_TRUE(fused.match(assemblyOf(kernel, target, /*isDeterministic=*/false)));
      std::string assembly = assemblyOf(kernel, target, /*isDeterministic=*/true);
      EXPECT_FALSE(assembly.empty());
      EXPECT_FALSE(fused.match(assembly));
      EXPECT_FALSE(other.match(assembly));
    }
}

TEST_F(DeterministicTest, RefusesFunctionsOfTheLibrary) {
  EXPECT_EQ(assemblyOf(R"(
    func.func @angle(%x: tensor<8xf32>) -> tensor<8xf32> {
      %e = tensor.empty() : tensor<8xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
          iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
        ^bb0(%a: f32, %o: f32):
          %s = math.atan %a : f32
          linalg.yield %s : f32
      } -> tensor<8xf32>
      return %r : tensor<8xf32>
    })",
                       "x86-64-v3", /*isDeterministic=*/false)
                .empty(),
            false);
  mlir::func::FuncOp function = *modules.back()->getOps<mlir::func::FuncOp>().begin();
  function->setAttr("seq.deterministic", mlir::UnitAttr::get(&context));
  EXPECT_TRUE(mlir::failed(compileKernel(function, *lookupTarget("x86-64-v3"), "/dev/null")));
  EXPECT_NE(messages.find("'math.atan' op has no form that gives the same bits on every target"),
            std::string::npos)
      << messages;
}
