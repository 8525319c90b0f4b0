// Only what is written so that all four products of a word are to be added up is found: the kernels' own.
#include "targets/X86/DotProducts.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PatternMatch.h"

#include <Halide.h>

#include <optional>

using namespace llvm;
using namespace llvm::PatternMatch;

namespace {
/// The same three for vectors of one width: products of bytes, of their sums with ones, and what is both.
struct Width {
  Intrinsic::ID bytes, words, dots;
};
} // namespace

static constexpr Width kWidths[] = {
    {Intrinsic::x86_ssse3_pmadd_ub_sw_128, Intrinsic::x86_sse2_pmadd_wd, Intrinsic::x86_avx512_vpdpbusd_128},
    {Intrinsic::x86_avx2_pmadd_ub_sw, Intrinsic::x86_avx2_pmadd_wd, Intrinsic::x86_avx512_vpdpbusd_256}};

static std::optional<Width> widthOf(const IntrinsicInst &call) {
  for (const Width &width : kWidths)
    if (call.getIntrinsicID() == width.bytes || call.getIntrinsicID() == width.words)
      return width;
  return std::nullopt;
}

/// Replaces sums of products of bytes, and the addition that takes them, if one does.
static void makeDotProduct(IntrinsicInst &pairs) {
  std::optional<Width> width = widthOf(pairs);
  Value *first = pairs.getArgOperand(0), *second = pairs.getArgOperand(1);
  if (match(first, m_SpecificInt(1)))
    std::swap(first, second);
  auto *products = dyn_cast<IntrinsicInst>(first);
  if (!products || !match(second, m_SpecificInt(1)) || products->getIntrinsicID() != width->bytes)
    return;
  Instruction *replaced = &pairs;
  Value *sum = Constant::getNullValue(pairs.getType()), *other;
  if (pairs.hasOneUse() && match(pairs.user_back(), m_c_Add(m_Specific(&pairs), m_Value(other)))) {
    replaced = pairs.user_back();
    sum = other;
  }
  IRBuilder<> builder(replaced);
  replaced->replaceAllUsesWith(builder.CreateIntrinsic(
      width->dots, {}, {sum, products->getArgOperand(0), products->getArgOperand(1)}));
  replaced->eraseFromParent();
  if (replaced != &pairs)
    pairs.eraseFromParent();
  if (products->use_empty())
    products->eraseFromParent();
}

void halyard::makeDotProducts(Module &module, TargetMachine &) {
  SmallVector<IntrinsicInst *> sums;
  for (Function &function : module)
    for (Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<IntrinsicInst>(&instruction))
        if (std::optional<Width> width = widthOf(*call); width && call->getIntrinsicID() == width->words)
          sums.push_back(call);
  for (IntrinsicInst *call : sums)
    makeDotProduct(*call);
  for (Function &function : module)
    for (const Width &width : kWidths)
      if (function.getIntrinsicID() == width.bytes && !function.use_empty())
        throw Halide::CompileError("products of bytes are left that are no dot products");
}
