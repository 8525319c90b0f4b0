// call-npu: sums of codes are computed by programs of the target's NPU.
//
// A program holds its weights, in a form of its own, so there is one for each layer. What was a kernel shared
// by layers of equal shape becomes a function for each of them, which takes the program's weights instead of
// the layer's and memory for the NPU to work in, and carries the program (rt::kNpuAttribute).
#include "dialects/Runtime/IR/Runtime.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LargestIndex.h"
#include "passes/Transforms/Passes.h"
#include "passes/Transforms/TargetOption.h"
#include "targets/Common/HostTensor.h"
#include "targets/Common/Npu.h"

#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_CALLNPU
#include "passes/Transforms/Passes.h.inc"

namespace {

/// The layer of a kernel that is nothing but sums of codes; null for other kernels.
seq::LinearOp sumsOf(func::FuncOp kernel) {
  if (kernel.isDeclaration())
    return {};
  auto layer = dyn_cast<seq::LinearOp>(kernel.getBody().front().front());
  bool isWhole = layer && layer->getNextNode() == kernel.getBody().front().getTerminator() &&
                 kernel.getNumArguments() == 2 && layer.getInput() == kernel.getArgument(0) &&
                 layer.getWeight() == kernel.getArgument(1);
  return isWhole && getElementTypeOrSelf(layer.getResult()).isInteger(32) ? layer : seq::LinearOp();
}

/// A weight that is multiplied with so many rows at once, and all calls that do.
struct Layer {
  rt::ConstantOp weight;
  int64_t rows;
  SmallVector<rt::KernelCallOp> calls;
  int64_t outputs, features;
  NpuProgram program;
};

struct CallNpu : impl::CallNpuBase<CallNpu> {
  using Base::Base;

  void runOnOperation() override {
    const Target *machine = targetOrError(target, getOperation());
    if (!machine)
      return signalPassFailure();
    if (!machine->npu())
      return;
    npu = machine->npu();
    layers.clear();
    collect();
    if (std::string missing = npu->missing(); !missing.empty() && !layers.empty()) {
      getOperation().emitError() << "compiling for " << npu->name() << " " << missing;
      return signalPassFailure();
    }
    if (failed(compile()))
      return signalPassFailure();
    for (auto [at, layer] : llvm::enumerate(llvm::make_second_range(layers)))
      replace(layer, at);
    removeUnused();
  }

  void collect() {
    getOperation().walk([&](rt::KernelCallOp call) {
      auto kernel = cast<func::FuncOp>(SymbolTable::lookupSymbolIn(getOperation(), call.getKernelAttr()));
      auto weight = sumsOf(kernel) ? call.getArguments()[1].getDefiningOp<rt::WeightOp>() : rt::WeightOp();
      if (!weight)
        return;
      auto constant =
          cast<rt::ConstantOp>(SymbolTable::lookupSymbolIn(getOperation(), weight.getConstantAttr()));
      int64_t rows = npu->rowsAtOnce(mostRows(call.getArguments().back()));
      Layer &layer = layers[{constant.getValue(), rows}];
      layer.weight = constant;
      layer.rows = rows;
      layer.outputs = constant.getValue().getShapedType().getDimSize(0);
      layer.features = constant.getValue().getShapedType().getDimSize(3);
      layer.calls.push_back(call);
    });
  }

  static int64_t mostRows(Value sums) {
    auto type = cast<MemRefType>(sums.getType());
    if (!type.isDynamicDim(0))
      return type.getDimSize(0);
    if (auto alloc = sums.getDefiningOp<rt::AllocOp>())
      return largestIndex(alloc.getExtents().front());
    return std::numeric_limits<int64_t>::max();
  }

  LogicalResult compile() {
    auto compileOne = [&](std::pair<std::pair<Attribute, int64_t>, Layer> &entry) -> LogicalResult {
      Layer &layer = entry.second;
      HostTensor weight = fromAttribute(layer.weight.getValue());
      ArrayRef<char> codes(static_cast<const char *>(weight.data.get()), weight.bytes());
      FailureOr<NpuProgram> program =
          npu->compile({codes, layer.rows, layer.features, layer.outputs}, layer.calls.front().getLoc());
      if (succeeded(program))
        layer.program = std::move(*program);
      return program;
    };
    return failableParallelForEach(&getContext(), layers.begin(), layers.end(), compileOne);
  }

  RankedTensorType bytesType(int64_t bytes) {
    return RankedTensorType::get({bytes}, IntegerType::get(&getContext(), 8));
  }

  ElementsAttr bytes(StringRef contents) {
    Type element = IntegerType::get(&getContext(), 8);
    return toAttribute(HostTensor::of<char>({int64_t(contents.size())}, element,
                                            ArrayRef<char>(contents.data(), contents.size())));
  }

  void replace(Layer &layer, size_t at) {
    OpBuilder builder(layer.weight);
    std::string name = "npu_" + std::to_string(at);
    auto weights =
        rt::ConstantOp::create(builder, layer.weight.getLoc(), builder.getStringAttr(name + ".weights"),
                               bytes(layer.program.weights), IntegerAttr());
    func::FuncOp function = declare(layer, name);
    for (rt::KernelCallOp call : layer.calls) {
      builder.setInsertionPoint(call);
      auto weight = call.getArguments()[1].getDefiningOp<rt::WeightOp>();
      auto buffer = [&](Type tensor) {
        auto type = cast<RankedTensorType>(tensor);
        return MemRefType::get(type.getShape(), type.getElementType());
      };
      Value program = rt::WeightOp::create(builder, call.getLoc(), buffer(function.getArgumentTypes()[1]),
                                           weight.getWeights(), weights.getSymName());
      Value memory =
          rt::AllocOp::create(builder, call.getLoc(), buffer(function.getArgumentTypes()[2]), ValueRange());
      Value codes = call.getArguments()[0], sums = call.getArguments().back();
      rt::KernelCallOp::create(builder, call.getLoc(), FlatSymbolRefAttr::get(function),
                               ValueRange{codes, program, memory, sums});
      call.erase();
      if (weight->use_empty())
        weight.erase();
    }
  }

  func::FuncOp declare(const Layer &layer, StringRef name) {
    rt::KernelCallOp call = layer.calls.front();
    auto kernel = cast<func::FuncOp>(SymbolTable::lookupSymbolIn(getOperation(), call.getKernelAttr()));
    OpBuilder builder(kernel); // before what calls it
    const NpuProgram &program = layer.program;
    Type arguments[] = {kernel.getArgumentTypes()[0], bytesType(program.weights.size()),
                        bytesType(program.memoryBytes)};
    auto function = func::FuncOp::create(builder, call.getLoc(), name,
                                         builder.getFunctionType(arguments, kernel.getResultTypes()));
    function.setPrivate();
    auto number = [&](StringRef key, int64_t value) {
      return builder.getNamedAttr(key, builder.getI64IntegerAttr(value));
    };
    function->setAttr(rt::kNpuAttribute,
                      builder.getDictionaryAttr(
                          {builder.getNamedAttr("name", builder.getStringAttr(npu->name())),
                           builder.getNamedAttr("commands", bytes(program.commands)),
                           number("rows", layer.rows), number("features", layer.features),
                           number("outputs", layer.outputs), number("weight_bytes", program.weights.size()),
                           number("memory_bytes", program.memoryBytes), number("codes_at", program.codesAt),
                           number("sums_at", program.sumsAt), number("cycles", program.cycles)}));
    return function;
  }

  /// Kernels that nothing calls and layers' weights that nothing reads any more.
  void removeUnused() {
    llvm::StringSet<> used;
    getOperation().walk([&](Operation *op) {
      if (auto call = dyn_cast<rt::KernelCallOp>(op))
        used.insert(call.getKernel());
      else if (auto weight = dyn_cast<rt::WeightOp>(op))
        used.insert(weight.getConstant());
    });
    for (func::FuncOp function : llvm::make_early_inc_range(getOperation().getBody().getOps<func::FuncOp>()))
      if (sumsOf(function) && !used.contains(function.getSymName()))
        function.erase();
    for (auto &[key, layer] : layers)
      if (layer.weight && !used.contains(layer.weight.getSymName()))
        unused.insert(layer.weight);
    for (rt::ConstantOp constant : unused)
      constant.erase();
    unused.clear();
  }

  const Npu *npu = nullptr;
  llvm::MapVector<std::pair<Attribute, int64_t>, Layer> layers;
  llvm::SmallSetVector<rt::ConstantOp, 16> unused;
};

} // namespace
} // namespace halyard
