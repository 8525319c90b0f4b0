// Lowering of Einsum: every letter is a loop; the letters of the result are parallel, all others reduce.
#include "passes/Conversion/OnnxToLinalg/Contraction.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace halyard::lowering {

namespace {
/// An equation with its ellipses spelled out: one label per axis. Labels of ellipsis axes are digits, counted
/// from the last such axis.
struct Equation {
  SmallVector<std::string> operands;
  std::string result;
};
} // namespace

/// `term` with its ellipsis, if any, replaced by labels for `count` axes.
static std::string spelledOut(StringRef term, int64_t count) {
  auto [before, after] = term.split("...");
  std::string labels = before.str();
  if (term.contains("..."))
    for (int64_t i = count; i > 0; --i)
      labels += static_cast<char>('0' + i - 1);
  return labels + after.str();
}

static int64_t letters(StringRef term) {
  return llvm::count_if(term, [](char c) { return llvm::isAlpha(c); });
}

static FailureOr<Equation> parse(onnx::EinsumOp op) {
  std::string text = op.getEquation().str();
  llvm::erase(text, ' ');
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != op.getInputs().size())
    return op.emitOpError("expects an equation of ")
           << op.getInputs().size() << " terms, got '" << op.getEquation() << "'";
  Equation equation;
  int64_t ellipsis = 0;
  for (auto [term, input] : llvm::zip(terms, op.getInputs())) {
    int64_t covered = rankOf(input) - letters(term);
    if (covered < 0 || (covered > 0 && !term.contains("...")))
      return op.emitOpError("expects a term of ") << rankOf(input) << " letters, got '" << term << "'";
    equation.operands.push_back(spelledOut(term, covered));
    ellipsis = std::max(ellipsis, covered);
  }
  if (StringRef(text).contains("->")) {
    equation.result = spelledOut(right, ellipsis);
    return equation;
  }
  // Without a right-hand side: the ellipsis, then all letters that occur once, in alphabetical order.
  equation.result = spelledOut("...", ellipsis);
  for (char c = 'A'; c <= 'z'; ++c)
    if (llvm::isAlpha(c) && left.count(c) == 1)
      equation.result += c;
  return equation;
}

static LogicalResult lowerEinsum(onnx::EinsumOp op, Lowering &l) {
  FailureOr<Equation> equation = parse(op);
  if (failed(equation))
    return failure();
  llvm::MapVector<char, int64_t> loops;
  for (char label : equation->result)
    loops.try_emplace(label, loops.size());
  for (const std::string &term : equation->operands)
    for (char label : term)
      loops.try_emplace(label, loops.size());
  llvm::DenseMap<char, Extent> extents;
  for (auto [term, input] : llvm::zip(equation->operands, op.getInputs()))
    for (auto [axis, label] : llvm::enumerate(term)) {
      Extent extent = l.extent(input, axis);
      if (!extents.contains(label) || isStatic(extents[label], 1))
        extents[label] = extent;
    }
  SmallVector<Read> reads;
  MLIRContext *context = l.b.getContext();
  for (auto [term, input] : llvm::zip(equation->operands, op.getInputs())) {
    SmallVector<AffineExpr> exprs;
    for (auto [axis, label] : llvm::enumerate(term)) {
      bool spread = isStatic(l.extent(input, axis), 1) && !isStatic(extents[label], 1);
      exprs.push_back(spread ? l.b.getAffineConstantExpr(0) : l.dim(loops[label]));
    }
    reads.push_back({input, AffineMap::get(loops.size(), 0, exprs, context)});
  }
  Extents target;
  SmallVector<AffineExpr> written;
  for (char label : equation->result) {
    target.push_back(extents[label]);
    written.push_back(l.dim(loops[label]));
  }
  AffineMap map = AffineMap::get(loops.size(), 0, written, context);
  l.replace(op, contract(l, target, map, reads, elementOf(op.getResult())));
  return success();
}

void addEinsumLowering(LoweringTable &table) { addLowering<onnx::EinsumOp>(table, lowerEinsum); }

} // namespace halyard::lowering
