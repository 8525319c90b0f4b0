// kernel-bench: compiles the kernel functions of an MLIR file for a target and times them, or prints their
// assembly.
//
//   kernel-bench FILE.mlir [--target T] [--rows N,..] [--pool N,..] [--slots N] [--footprint MB]
//   kernel-bench FILE.mlir [--target T] --assembly
//
// Every dynamic extent is the number of rows; that of a cache, and of an argument marked `seq.source_rows`,
// is the number of slots. Floats are normally distributed, integers of eight bits uniformly. int32 arguments
// hold the value of their attribute `bench.value`, else 0, 1, .. modulo the number of slots. `bench.bytes`
// and `bench.flop` of the function say what one row reads and computes; by default, bytes are those of all
// arguments and results. With a footprint there are as many copies of all operands as it takes, used one
// after the other, as the layers of a model are.
#include "dialects/Seq/IR/Seq.h"
#include "halyard/threads.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "targets/Common/HostTensor.h"
#include "targets/Common/Target.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"

#include <dlfcn.h>
#include <random>
#include <time.h>

using namespace mlir;
using namespace halyard;

namespace {
llvm::cl::opt<std::string> file(llvm::cl::Positional, llvm::cl::Required, llvm::cl::desc("FILE.mlir"));
llvm::cl::opt<std::string> targetName("target", llvm::cl::init("host"), llvm::cl::desc("a target's name"));
llvm::cl::list<int> rowCounts("rows", llvm::cl::CommaSeparated, llvm::cl::desc("rows of a call"));
llvm::cl::list<int> threadCounts("pool", llvm::cl::CommaSeparated, llvm::cl::desc("threads of the pool"));
llvm::cl::opt<int> slots("slots", llvm::cl::init(16), llvm::cl::desc("slots of caches"));
llvm::cl::opt<int> footprint("footprint", llvm::cl::init(0), llvm::cl::desc("MB to go through"));
llvm::cl::opt<bool> assembly("assembly", llvm::cl::desc("print assembly, do not run"));

/// halide_buffer_t, as far as kernels read it.
struct Dimension {
  int32_t min, extent, stride;
  uint32_t flags;
};
struct Buffer {
  uint64_t device = 0;
  const void *interface = nullptr;
  uint8_t *host = nullptr;
  uint64_t flags = 0;
  uint32_t type = 0;
  int32_t dimensions = 0;
  Dimension *dim = nullptr;
  void *padding = nullptr;
};

/// A tensor with its descriptor.
struct Operand {
  HostTensor tensor;
  std::vector<Dimension> dims;
  Buffer buffer;

  explicit Operand(HostTensor elements) : tensor(std::move(elements)), dims(tensor.rank()) {
    int32_t stride = 1;
    for (int64_t i = 0; i < tensor.rank(); ++i) {
      int32_t extent = tensor.shape[tensor.rank() - 1 - i];
      dims[i] = {0, extent, stride, 0};
      stride *= extent;
    }
    buffer.host = static_cast<uint8_t *>(tensor.data.get());
    buffer.dimensions = dims.size();
    buffer.dim = dims.data();
  }
};

/// Arguments and results of a call.
class Call {
public:
  Call(func::FuncOp function, int rows, std::mt19937 &random) : random(random) {
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
      if (isa<IndexType>(type)) {
        words.push_back(rows);
        continue;
      }
      bool perSlot = static_cast<bool>(function.getArgAttr(index, "seq.source_rows"));
      add(type, perSlot ? int(slots) : rows, function.getArgAttrOfType<IntegerAttr>(index, "bench.value"));
    }
    for (Type type : function.getResultTypes())
      add(type, rows, {});
  }

  int run(void *entry) const {
    using W = intptr_t;
    using Function = int (*)(W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W);
    const W *w = words.data();
    return reinterpret_cast<Function>(entry)(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9],
                                             w[10], w[11], w[12], w[13], w[14], w[15]);
  }

  int64_t bytes() const {
    int64_t sum = 0;
    for (const auto &operand : operands)
      sum += operand->tensor.bytes();
    return sum;
  }

  void finish() { words.resize(16); }

private:
  void add(Type type, int rows, IntegerAttr value) {
    SmallVector<int64_t> shape;
    Type elementType;
    if (auto cache = dyn_cast<seq::CacheType>(type)) {
      shape = {slots};
      llvm::append_range(shape, cache.slotShape());
      elementType = cache.getElementType();
    } else {
      auto tensor = cast<RankedTensorType>(type);
      for (int64_t extent : tensor.getShape())
        shape.push_back(ShapedType::isDynamic(extent) ? rows : extent);
      elementType = tensor.getElementType();
    }
    HostTensor tensor = HostTensor::allocate(shape, elementType);
    fill(tensor, value);
    operands.push_back(std::make_unique<Operand>(std::move(tensor)));
    words.push_back(reinterpret_cast<intptr_t>(&operands.back()->buffer));
  }

  void fill(HostTensor &tensor, IntegerAttr value) {
    std::normal_distribution<float> normal;
    if (tensor.elementType.isF32()) {
      for (float &element : tensor.mutableValues<float>())
        element = normal(random);
    } else if (tensor.elementType.isBF16()) {
      for (uint16_t &element : tensor.mutableValues<uint16_t>()) {
        float real = normal(random);
        uint32_t bits;
        memcpy(&bits, &real, 4);
        element = bits >> 16;
      }
    } else if (tensor.elementType.isIntOrFloat() && tensor.elementType.getIntOrFloatBitWidth() == 8) {
      for (uint8_t &element : tensor.mutableValues<uint8_t>())
        element = random();
    } else if (tensor.elementType.isInteger(32)) {
      for (auto [index, element] : llvm::enumerate(tensor.mutableValues<int32_t>()))
        element = value ? value.getInt() : static_cast<int64_t>(index) % slots;
    } else {
      memset(tensor.data.get(), 0, tensor.bytes());
    }
  }

  std::mt19937 &random;
  std::vector<std::unique_ptr<Operand>> operands;
  std::vector<intptr_t> words;
};

/// A compiled kernel with a thread pool of its own.
class Library {
public:
  ~Library() {
    if (stop)
      stop();
    llvm::sys::fs::remove_directories(directory);
  }

  bool load(func::FuncOp function, const halyard::Target &target) {
    llvm::SmallString<128> path;
    if (llvm::sys::fs::createUniqueDirectory("kernel-bench", path))
      return false;
    directory = path.str();
    std::string object = directory + "/kernel.o", name = directory + "/kernel.so";
    if (failed(compileKernel(function, target, object)))
      return false;
    std::string command = "c++ -shared -o " + name + " " + object +
                          " -Wl,-u,halyard_threads_start " HALYARD_RUNTIME_LIBRARY " -lm -lpthread";
    if (std::system(command.c_str()) != 0)
      return false;
    void *library = dlopen(name.c_str(), RTLD_NOW);
    if (!library) {
      llvm::errs() << dlerror() << "\n";
      return false;
    }
    start = reinterpret_cast<int32_t (*)(int32_t)>(dlsym(library, "halyard_threads_start"));
    stop = reinterpret_cast<void (*)()>(dlsym(library, "halyard_threads_stop"));
    entry = dlsym(library, function.getSymName().str().c_str());
    return start && stop && entry;
  }

  int32_t (*start)(int32_t) = nullptr;
  void (*stop)() = nullptr;
  void *entry = nullptr;

private:
  std::string directory;
};
} // namespace

/// With one thread time of the processor counts, which other processes do not disturb.
static double secondsNow(bool isAlone) {
  timespec now;
  clock_gettime(isAlone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

/// Least and median seconds of a call, over runs of about a millisecond for half a second.
static std::pair<double, double> measure(const Library &library, llvm::ArrayRef<Call> calls, bool isAlone) {
  size_t next = 0;
  auto run = [&](int count) {
    double begin = secondsNow(isAlone);
    for (int i = 0; i < count; ++i, next = (next + 1) % calls.size())
      calls[next].run(library.entry);
    return (secondsNow(isAlone) - begin) / count;
  };
  run(calls.size());
  int count = std::clamp(1e-3 / run(1), 1.0, 1e5);
  std::vector<double> times;
  for (double end = secondsNow(isAlone) + 0.5; secondsNow(isAlone) < end || times.size() < 5;)
    times.push_back(run(count));
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

static void report(func::FuncOp function, const Library &library, int rows) {
  std::mt19937 random(1);
  std::vector<Call> calls;
  int64_t footprintBytes = int64_t(footprint) << 20, bytes = 0;
  do {
    calls.emplace_back(function, rows, random);
    calls.back().finish();
    bytes = calls.front().bytes();
  } while (bytes * static_cast<int64_t>(calls.size()) < footprintBytes);
  if (auto perRow = function->getAttrOfType<IntegerAttr>("bench.bytes"))
    bytes = perRow.getInt() * rows;
  for (int threads : threadCounts) {
    library.start(threads);
    auto [least, median] = measure(library, calls, threads == 1);
    llvm::outs() << function.getSymName() << llvm::format(" rows %d threads %d: ", rows, threads)
                 << llvm::format("%.2f us (median %.2f)  %.1f GB/s", least * 1e6, median * 1e6,
                                 bytes / least * 1e-9);
    if (auto flop = function->getAttrOfType<IntegerAttr>("bench.flop"))
      llvm::outs() << llvm::format("  %.1f GFLOP/s", double(flop.getInt()) * rows / least * 1e-9);
    llvm::outs() << "\n";
  }
}

static bool printAssembly(func::FuncOp function, const halyard::Target &target) {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createTemporaryFile("kernel", "s", path) ||
      failed(compileKernelToAssembly(function, target, path)))
    return false;
  auto text = llvm::MemoryBuffer::getFile(path);
  llvm::sys::fs::remove(path);
  if (!text)
    return false;
  llvm::outs() << (*text)->getBuffer();
  return true;
}

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv, "times kernels\n");
  MLIRContext context;
  context.loadDialect<seq::SeqDialect, affine::AffineDialect, arith::ArithDialect, func::FuncDialect,
                      linalg::LinalgDialect, math::MathDialect, tensor::TensorDialect>();
  context.allowUnregisteredDialects(); // attributes of bench
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, &context);
  const halyard::Target *target = lookupTarget(targetName);
  if (!module || !target)
    return 1;
  if (rowCounts.empty())
    rowCounts.push_back(1);
  if (threadCounts.empty())
    threadCounts.push_back(1);
  for (auto function : module->getOps<func::FuncOp>()) {
    if (assembly) {
      if (!printAssembly(function, *target))
        return 1;
      continue;
    }
    Library library;
    if (!library.load(function, *target))
      return 1;
    for (int rows : rowCounts)
      report(function, library, rows);
  }
  return 0;
}
