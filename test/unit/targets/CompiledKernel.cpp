// Compiles with Halyard, links with the system's compiler, calls through a function pointer with any number
// of arguments.
#include "CompiledKernel.h"
#include "DotProducts.h"
#include "WatchedTarget.h"

#include "targets/Common/Target.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <gtest/gtest.h>

#include <HalideRuntime.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace halyard;
using namespace halyard::test;

/// Serial stand-in for the artifact's thread pool.
extern "C" __attribute__((visibility("default"))) int
halide_do_par_for(void *context, int (*task)(void *, int, uint8_t *), int min, int size, uint8_t *closure) {
  for (int i = min; i < min + size; ++i)
    if (int status = task(context, i, closure))
      return status;
  return 0;
}

std::vector<Fetched> halyard::test::fetchedAhead;

/// Notes what would be fetched.
extern "C" __attribute__((visibility("default"))) int32_t halyard_prefetch(const char *, int64_t offset,
                                                                           int32_t lines) {
  fetchedAhead.push_back({offset, std::max<int64_t>(lines, 0) * 64});
  return 0;
}

/// Targets that differ most: in the width of vectors, and in whether additions and multiplications are one.
static constexpr llvm::StringLiteral kFirstOfSame = "x86-64-v2";
static constexpr llvm::StringLiteral kOthersOfSame[] = {"x86-64-v3", "x86-64-v3-vnni", "x86-64-v4-vnni",
                                                        "x86-64-v4-amx"};

CompiledKernel::CompiledKernel(mlir::func::FuncOp function, llvm::StringRef targetName, bool isWatched)
    : function(function), isWatched(isWatched) {
  if (targetName != kSameBits) {
    compile(targetName);
    return;
  }
  function->setAttr("seq.deterministic", mlir::UnitAttr::get(function.getContext()));
  compile(kFirstOfSame);
  for (llvm::StringRef level : kOthersOfSame)
    if (runsInProcess(*lookupTarget(level)) && error.empty()) {
      others.push_back(std::make_unique<CompiledKernel>(function, level));
      error = others.back()->error;
    }
}

/// False if it does not compile.
static bool compileWithoutDotProducts(mlir::func::FuncOp function, const Target &target,
                                      const std::string &object) {
  const std::string made = object + ".made.s", rewritten = object + ".s";
  if (failed(compileKernelToAssembly(function, target, made)))
    return false;
  auto text = llvm::MemoryBuffer::getFile(made);
  if (!text)
    return false;
  std::error_code problem;
  llvm::raw_fd_ostream(rewritten, problem) << withoutDotProducts((*text)->getBuffer());
  return !problem && std::system(("c++ -c " + rewritten + " -o " + object).c_str()) == 0;
}

void CompiledKernel::compile(llvm::StringRef targetName) {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createUniqueDirectory("halyard-kernel", path)) {
    error = "no temporary directory";
    return;
  }
  directory = path.str();
  const Target *target = lookupTarget(targetName);
  object = directory + "/kernel.o";
  std::string made = directory + "/kernel" + (target ? target->kernelSuffix().str() : "");
  if (!target) {
    error = "no such target";
    return;
  }
  std::unique_ptr<Target> watched = watchedTarget(*target);
  const Target &used = isWatched ? *watched : *target;
  if (lacksDotProducts(*target) ? !compileWithoutDotProducts(function, used, object)
                                : failed(compileKernel(function, used, made))) {
    error = "does not compile";
    return;
  }
  if (!runsInProcess(*target)) {
    foreign = std::make_unique<ForeignKernel>(*target, directory, made, function.getSymName().str());
    error = foreign->error;
    return;
  }
  if (made != object && std::system((HALYARD_COMPILE_SOURCE " " + made + " -o " + object).c_str()) != 0) {
    error = "is source that does not compile";
    return;
  }
  std::string name = directory + "/kernel.so";
  // What the kernels of some targets call, as the artifact's runtime has it.
  std::string command = "c++ -shared -o " + name + " " + object + " " HALYARD_MATRIX_TILES " -lm 2>&1";
  if (std::system(command.c_str()) != 0)
    error = "does not link";
  else if (!(library = dlopen(name.c_str(), RTLD_NOW)))
    error = dlerror();
  else if (!(entry = dlsym(library, function.getSymName().str().c_str())))
    error = "has no entry point";
}

CompiledKernel::~CompiledKernel() {
  if (library)
    dlclose(library);
  llvm::sys::fs::remove_directories(directory);
}

std::vector<std::string> CompiledKernel::undefinedSymbols() const {
  std::vector<std::string> names;
  auto file = llvm::object::ObjectFile::createObjectFile(object);
  if (!file)
    return {"(unreadable object)"};
  for (const llvm::object::SymbolRef &symbol : file->getBinary()->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (flags && name && (*flags & llvm::object::BasicSymbolRef::SF_Undefined) && !name->empty())
      names.push_back(name->str());
  }
  return names;
}

namespace {
/// Memory that ends where a page begins that cannot be touched: reading or writing past the end is a crash.
class GuardedMemory {
public:
  explicit GuardedMemory(size_t bytes) {
    size_t page = sysconf(_SC_PAGESIZE), used = llvm::alignTo(bytes, page);
    length = used + page;
    start = static_cast<char *>(
        mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(start + used, page, PROT_NONE);
    data = start + used - bytes;
  }
  ~GuardedMemory() { munmap(start, length); }
  GuardedMemory(const GuardedMemory &) = delete;

  char *data;

private:
  char *start;
  size_t length;
};

/// A buffer descriptor over a guarded copy of a tensor.
struct Descriptor {
  explicit Descriptor(const HostTensor &tensor) : memory(tensor.bytes()), dims(tensor.shape.size()) {
    std::memcpy(memory.data, tensor.data.get(), tensor.bytes());
    int32_t stride = 1;
    for (size_t i = 0; i < dims.size(); ++i) {
      int32_t extent = tensor.shape[dims.size() - 1 - i];
      dims[i] = halide_dimension_t(0, extent, stride);
      stride *= extent;
    }
    buffer.host = reinterpret_cast<uint8_t *>(memory.data);
    buffer.dimensions = dims.size();
    buffer.dim = dims.data();
  }
  GuardedMemory memory;
  std::vector<halide_dimension_t> dims;
  halide_buffer_t buffer = {};
};

/// Integers and pointers go through registers and the stack alike, so any kernel can be called with 16 words.
int callWords(void *entry, std::vector<intptr_t> w) {
  w.resize(16);
  using Function = int (*)(intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t,
                           intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t);
  return reinterpret_cast<Function>(entry)(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10],
                                           w[11], w[12], w[13], w[14], w[15]);
}
} // namespace

std::vector<HostTensor> CompiledKernel::run(llvm::ArrayRef<Argument> arguments,
                                            llvm::ArrayRef<llvm::SmallVector<int64_t>> resultShapes) const {
  std::vector<HostTensor> results = runOwn(arguments, resultShapes);
  for (auto &other : others)
    for (auto [own, others] : llvm::zip_equal(results, other->runOwn(arguments, resultShapes)))
      EXPECT_EQ(std::memcmp(own.data.get(), others.data.get(), own.bytes()), 0)
          << "other bits at another level";
  return results;
}

std::vector<HostTensor>
CompiledKernel::runOwn(llvm::ArrayRef<Argument> arguments,
                       llvm::ArrayRef<llvm::SmallVector<int64_t>> resultShapes) const {
  fetchedAhead.clear();
  std::vector<std::unique_ptr<Descriptor>> descriptors;
  std::vector<intptr_t> words;
  std::vector<HostTensor> results;
  auto add = [&](const HostTensor &tensor) {
    descriptors.push_back(std::make_unique<Descriptor>(tensor));
    words.push_back(reinterpret_cast<intptr_t>(&descriptors.back()->buffer));
  };
  for (const Argument &argument : arguments) {
    if (const HostTensor *tensor = std::get_if<HostTensor>(&argument))
      add(*tensor);
    else
      words.push_back(std::get<int32_t>(argument));
  }
  for (auto [shape, type] : llvm::zip(resultShapes, mlir::func::FuncOp(function).getResultTypes())) {
    results.push_back(HostTensor::allocate(shape, llvm::cast<mlir::ShapedType>(type).getElementType()));
    std::memset(results.back().data.get(), 0xA5, results.back().bytes());
    add(results.back());
  }
  if (foreign) {
    foreign->run(arguments, results, fetchedAhead);
    return results;
  }
  callWords(entry, words);
  size_t first = descriptors.size() - results.size();
  for (auto [index, result] : llvm::enumerate(results))
    std::memcpy(result.data.get(), descriptors[first + index]->memory.data, result.bytes());
  return results;
}
