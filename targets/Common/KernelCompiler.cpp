// From a kernel function to a file, through a target's schedule.
#include "targets/Common/Kernel.h"
#include "targets/Common/Target.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace halyard;
using namespace halyard::kernels;

static LogicalResult compile(func::FuncOp function, const Target &target, StringRef path,
                             Halide::OutputFileType kind) {
  try {
    FailureOr<Kernel> kernel = translateKernel(function, target.lanes());
    if (failed(kernel))
      return failure();
    target.schedule(*kernel);
    std::vector<Halide::Func> outputs;
    for (const Output &output : kernel->outputs)
      outputs.push_back(output.func);
    Halide::Pipeline(outputs).compile_to({{kind, path.str()}}, kernel->arguments, function.getSymName().str(),
                                         target.machine());
    return success();
  } catch (const Halide::Error &error) {
    llvm::sys::fs::remove(path);
    StringRef message(error.what());
    return function.emitOpError("cannot be compiled for ") << target.name() << ": " << message.trim();
  }
}

LogicalResult halyard::compileKernel(func::FuncOp kernel, const Target &target, StringRef objectPath) {
  return compile(kernel, target, objectPath, Halide::OutputFileType::object);
}

LogicalResult halyard::compileKernelToAssembly(func::FuncOp kernel, const Target &target,
                                               StringRef assemblyPath) {
  return compile(kernel, target, assemblyPath, Halide::OutputFileType::assembly);
}
