// Whether a model becomes the same `seq.program` from several sets of files, up to names, order and rounding
// of constants.
//
// usage: compare-programs FOLDER[:DECODER[:DECODER_WITH_PAST]]...
//
// Both programs are walked together, from what they yield and store towards their arguments: at every pair of
// operations, name, attributes, types and operands have to agree; operands of commutative operations in
// either order. States and cross values are paired when they are first met. Constants agree to 1e-6, absolute
// plus relative. Exit status 0: the same; 1: not, with the first difference on standard error.
#include "compiler/frontend/Import.h"
#include "compiler/pipelines/Pipelines.h"
#include "dialects/Seq/IR/Seq.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/SaveAndRestore.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace halyard;

namespace {

constexpr double kTolerance = 1e-6;

/// The bytes of a constant and whether one element stands for all; nothing for other attributes.
struct Constant {
  ArrayRef<char> data;
  bool splat = false;
};

std::optional<Constant> constantData(Attribute attribute) {
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute))
    return Constant{dense.getRawData(), dense.isSplat()};
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return Constant{blob->getData(), false};
  return std::nullopt;
}

bool sameConstant(ElementsAttr a, ElementsAttr b) {
  auto left = constantData(a), right = constantData(b);
  if (a.getType() != b.getType() || !left || !right)
    return false;
  if (!a.getElementType().isF32())
    return left->splat == right->splat && left->data == right->data;
  for (int64_t i = 0, count = a.getNumElements(); i < count; ++i) {
    float x, y;
    std::memcpy(&x, left->data.data() + (left->splat ? 0 : i * sizeof(x)), sizeof(x));
    std::memcpy(&y, right->data.data() + (right->splat ? 0 : i * sizeof(y)), sizeof(y));
    if (x != y && !(std::abs(x - y) <= kTolerance + kTolerance * std::abs(y)))
      return false;
  }
  return true;
}

/// One walk over two programs.
class Comparison {
public:
  Comparison(seq::ProgramOp a, seq::ProgramOp b) : left(a), right(b) {}

  bool run() {
    if (left.getMaxSource() != right.getMaxSource() || left.getMaxTarget() != right.getMaxTarget())
      return differ("the programs have other limits", left, right);
    return stages<seq::EncodeOp>() && stages<seq::StepOp>() && crosses() && counts();
  }

private:
  bool differ(StringRef what, Operation *a, Operation *b) {
    if (trying || reported)
      return false;
    reported = true;
    llvm::errs() << "the programs differ: " << what << "\n";
    for (Operation *op : {a, b}) {
      llvm::errs() << "  ";
      op->print(llvm::errs(), OpPrintingFlags().skipRegions().elideLargeElementsAttrs());
      llvm::errs() << "\n";
    }
    return false;
  }

  template <typename Stage> bool stages() {
    auto a = *left.getBody().getOps<Stage>().begin(), b = *right.getBody().getOps<Stage>().begin();
    if (a->getAttrDictionary() != b->getAttrDictionary())
      return differ("attributes of a stage", a, b);
    return blocks(a.getBlock(), b.getBlock());
  }

  /// Two blocks end in the same way.
  bool blocks(Block &a, Block &b) {
    if (a.getArgumentTypes() != b.getArgumentTypes())
      return differ("arguments", a.getParentOp(), b.getParentOp());
    return operations(a.getTerminator(), b.getTerminator());
  }

  bool values(Value a, Value b) {
    auto argument = dyn_cast<BlockArgument>(a);
    if (argument || isa<BlockArgument>(b)) {
      auto other = dyn_cast<BlockArgument>(b);
      return argument && other && argument.getArgNumber() == other.getArgNumber() &&
             argument.getType() == b.getType();
    }
    return cast<OpResult>(a).getResultNumber() == cast<OpResult>(b).getResultNumber() &&
           operations(a.getDefiningOp(), b.getDefiningOp());
  }

  bool operations(Operation *a, Operation *b) {
    if (same.contains({a, b}))
      return true;
    if (a->getName() != b->getName() || a->getResultTypes() != b->getResultTypes() ||
        a->getNumOperands() != b->getNumOperands() || a->getNumRegions() != b->getNumRegions())
      return differ("operations", a, b);
    if (!attributes(a, b))
      return differ("attributes", a, b);
    for (auto [x, y] : llvm::zip(a->getRegions(), b->getRegions()))
      if (!blocks(x.front(), y.front()))
        return false;
    if (!operands(a, b))
      return differ("operands", a, b);
    same.insert({a, b});
    return true;
  }

  bool operands(Operation *a, Operation *b) {
    if (a->getNumOperands() == 2 && a->hasTrait<OpTrait::IsCommutative>()) {
      llvm::SaveAndRestore quiet(trying, true);
      return (values(a->getOperand(0), b->getOperand(0)) && values(a->getOperand(1), b->getOperand(1))) ||
             (values(a->getOperand(0), b->getOperand(1)) && values(a->getOperand(1), b->getOperand(0)));
    }
    for (auto [x, y] : llvm::zip(a->getOperands(), b->getOperands()))
      if (!values(x, y))
        return false;
    return true;
  }

  bool attributes(Operation *a, Operation *b) {
    DictionaryAttr others = b->getAttrDictionary();
    if (a->getAttrDictionary().size() != others.size())
      return false;
    for (NamedAttribute named : a->getAttrDictionary()) {
      Attribute x = named.getValue(), y = others.get(named.getName());
      if (x == y && !isa<FlatSymbolRefAttr>(x))
        continue;
      if (auto symbol = dyn_cast<FlatSymbolRefAttr>(x); symbol && isa_and_nonnull<FlatSymbolRefAttr>(y)) {
        if (!symbols(symbol.getAttr(), cast<FlatSymbolRefAttr>(y).getAttr()))
          return false;
      } else if (!isa<ElementsAttr>(x) || !isa_and_nonnull<ElementsAttr>(y) ||
                 !sameConstant(cast<ElementsAttr>(x), cast<ElementsAttr>(y))) {
        return false;
      }
    }
    return true;
  }

  /// Two states or cross values are the same: as before, or from now on.
  bool symbols(StringAttr a, StringAttr b) {
    auto [at, fresh] = paired.try_emplace(a, b);
    return fresh || at->second == b;
  }

  /// The cross values that the steps read are computed alike.
  bool crosses() {
    auto stores = [](seq::ProgramOp program) {
      llvm::DenseMap<StringAttr, seq::StoreOp> found;
      program.walk([&](seq::StoreOp store) { found[store.getCrossAttr().getAttr()] = store; });
      return found;
    };
    auto ours = stores(left), theirs = stores(right);
    for (auto [name, store] : ours)
      if (auto other = paired.lookup(name); other && theirs.contains(other))
        if (!values(store.getValue(), theirs[other].getValue()))
          return false;
    return true;
  }

  /// Nothing is left over on either side that the walk has not met.
  bool counts() {
    auto count = [](seq::ProgramOp program) {
      return std::make_pair(llvm::range_size(program.getBody().getOps<seq::StateOp>()),
                            llvm::range_size(program.getBody().getOps<seq::CrossOp>()));
    };
    if (count(left) != count(right) || paired.size() != size_t(count(left).first + count(left).second))
      return differ("other numbers of states or cross values", left, right);
    return true;
  }

  seq::ProgramOp left, right;
  llvm::DenseSet<std::pair<Operation *, Operation *>> same;
  llvm::MapVector<StringAttr, StringAttr> paired;
  bool trying = false;   // a difference is no verdict yet
  bool reported = false; // only the first difference is printed
};

/// Imports FOLDER[:DECODER[:DECODER_WITH_PAST]] and runs the phases up to stage.
OwningOpRef<ModuleOp> load(MLIRContext &context, StringRef files) {
  onnx::ImportOptions options;
  StringRef folder, decoders;
  std::tie(folder, decoders) = files.split(':');
  options.directory = folder.str();
  options.files.decoder = decoders.split(':').first.str();
  options.files.decoderWithPast = decoders.split(':').second.str();
  options.maxSource = options.maxTarget = 64; // what holds up to here is enough to see that programs agree
  FailureOr<OwningOpRef<ModuleOp>> module = onnx::importModel(&context, options);
  if (failed(module) || failed(runPhases(**module, Phase::stage, PipelineOptions())))
    return {};
  return std::move(*module);
}

seq::ProgramOp findProgram(ModuleOp module) {
  seq::ProgramOp found;
  module.walk([&](seq::ProgramOp program) { found = program; });
  return found;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3) {
    llvm::errs() << "usage: compare-programs FOLDER[:DECODER[:DECODER_WITH_PAST]]...\n";
    return 2;
  }
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> first;
  for (const char *files : llvm::ArrayRef(argv + 1, argc - 1)) {
    OwningOpRef<ModuleOp> module = load(context, files);
    seq::ProgramOp program = module ? findProgram(*module) : seq::ProgramOp();
    if (!program) {
      llvm::errs() << files << ": no program\n";
      return 1;
    }
    if (first && !Comparison(findProgram(*first), program).run()) {
      llvm::errs() << files << " and " << argv[1] << " are different programs\n";
      return 1;
    }
    if (!first)
      first = std::move(module);
  }
  return 0;
}
