// From a kernel function to a file, through a target's schedule.
#include "targets/Common/BitcodeCompiler.h"
#include "targets/Common/HalideErrors.h"
#include "targets/Common/Kernel.h"
#include "targets/Common/Schedules/CachePrefetch.h"
#include "targets/Common/Schedules/MatrixTiles.h"
#include "targets/Common/Schedules/PairProducts.h"
#include "targets/Common/Schedules/PanelPrefetch.h"
#include "targets/Common/Schedules/StackStorage.h"
#include "targets/Common/Target.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;

namespace {
/// Finds an allocation that is not a constant amount of stack.
class HeapFinder : public Halide::Internal::IRVisitor {
public:
  std::string found;

private:
  using IRVisitor::visit;

  void visit(const Halide::Internal::Allocate *op) override {
    if (op->memory_type != kStackStorage || op->constant_allocation_size() == 0)
      found = op->name;
    IRVisitor::visit(op);
  }
};
} // namespace

void Target::write(const Halide::Module &kernel, StringRef path) const {
  if (const CodeMachine *machine = codeMachine())
    return compileBitcode(kernel, *machine, CodeFile::object, path);
  kernel.compile({{Halide::OutputFileType::object, path.str()}});
}

void Target::writeAssembly(const Halide::Module &kernel, StringRef path) const {
  if (const CodeMachine *machine = codeMachine())
    return compileBitcode(kernel, *machine, CodeFile::assembly, path);
  kernel.compile({{Halide::OutputFileType::assembly, path.str()}});
}

static LogicalResult compile(func::FuncOp function, const Target &target, StringRef path,
                             function_ref<void(const Halide::Module &)> write) {
  captureHalideMessages();
  try {
    FailureOr<Kernel> kernel = translateKernel(function, target.shape());
    if (failed(kernel))
      return failure();
    target.schedule(*kernel);
    std::vector<Halide::Func> outputs;
    for (const Output &output : kernel->outputs)
      outputs.push_back(output.func);
    Halide::Pipeline pipeline(outputs);
    if (target.shape().prefetches) {
      addPanelPrefetch(pipeline, *kernel);
      addCachePrefetch(pipeline, *kernel);
    }
    addMatrixTiles(pipeline, *kernel);
    if (target.shape().multipliesWords)
      addPairProducts(pipeline);
    target.addPasses(pipeline, *kernel);
    Halide::Target machine = target.machine();
    bool reducesSeveral = llvm::any_of(kernel->stages, [](const Stage &s) { return s.reducesSeveral(); });
    if (kernel->isDeterministic && !reducesSeveral)
      machine.set_feature(Halide::Target::StrictFloat);
    Halide::Module module = pipeline.compile_to_module(kernel->arguments, function.getSymName().str(),
                                                       machine, Halide::LinkageType::External);
    HeapFinder heap;
    for (const Halide::Internal::LoweredFunc &lowered : module.functions())
      lowered.body.accept(&heap);
    if (!heap.found.empty())
      return function.emitOpError("is a kernel whose intermediate value ")
             << heap.found << " has no constant size; compute it in a kernel of its own";
    write(module);
    return success();
  } catch (const Halide::Error &error) {
    llvm::sys::fs::remove(path);
    StringRef message(error.what());
    return function.emitOpError("cannot be compiled for ") << target.name() << ": " << message.trim();
  }
}

LogicalResult halyard::compileKernel(func::FuncOp kernel, const Target &target, StringRef path) {
  return compile(kernel, target, path, [&](const Halide::Module &module) { target.write(module, path); });
}

LogicalResult halyard::compileKernelToAssembly(func::FuncOp kernel, const Target &target,
                                               StringRef assemblyPath) {
  return compile(kernel, target, assemblyPath,
                 [&](const Halide::Module &module) { target.writeAssembly(module, assemblyPath); });
}

Halide::Module Target::makeCommonKernel(StringRef name) const {
  llvm_unreachable("the target has no common kernels");
}

LogicalResult halyard::compileCommonKernel(StringRef name, const Target &target, StringRef objectPath,
                                           Location location) {
  captureHalideMessages();
  try {
    target.write(target.makeCommonKernel(name), objectPath);
    return success();
  } catch (const Halide::Error &error) {
    llvm::sys::fs::remove(objectPath);
    return emitError(location) << name << " cannot be compiled for " << target.name() << ": "
                               << StringRef(error.what()).trim();
  }
}
