// A machine that kernels are compiled for. Algorithms are shared by all targets (targets/Common); a target
// adds its instruction set and its schedules.
//
// The C interface of a kernel. A kernel function `func.func @NAME(arguments) -> results` becomes
//
//   int NAME(argument..., result...);
//
// with one parameter per argument in order, then one per result:
//
//   tensor<AxBxT>                halide_buffer_t *  dim[0] is the innermost dimension (B), dim[1] the next
//   (A) !seq.cache<L, F, T>          halide_buffer_t *  dim[0] = F features, dim[1] = L rows, dim[2] = slots;
//                                with blocks, the extents of CacheType::slotShape and then slots
//   index                        int32_t
//   iN, fN                       a scalar of that type (i1 as uint8_t)
//
// Buffers are dense, row-major and start at 0 (`min` 0, strides the products of the inner extents); only
// `host` and the extents of dynamic dimensions are read. i1 elements are bytes of 0 or 1. Results may not
// overlap arguments or each other. The returned value is 0.
//
// Attention over caches that is not causal reads, for each row, the number of keys bound for the row's slot
// from the argument marked with the attribute `seq.source_rows`: an int32 buffer with one entry per slot.
// Causal attention and prefix sums need nothing but the row's slot and position (int32 buffers, operands of
// the operation).
//
// A kernel with the attribute `seq.deterministic` gives the same bits on every target. Algorithms then take
// nothing from a target's numbers that an order of additions could follow from (CpuShape::isDeterministic),
// Halide is told to keep to IEEE, and functions are made of basic operations. A target has to leave that as
// it is: layers of f32 have one term (LinearLayout), and a compiler of C++ source must not contract.
//
// A kernel allocates nothing on the heap, at most half a megabyte on the stack of each thread, and needs no
// runtime but for what its object may leave undefined: `halide_do_par_for` if it is parallel,
// `halyard_prefetch(const char *start, int64_t offset, int32_t lines)` (runtime/core/Prefetch.cpp) if it is a
// linear layer of possibly many rows, functions of runtime/core/{MatrixTiles,FloatTiles}.cpp if the target
// has matrix tiles, and functions of the C library.
#ifndef HALYARD_TARGETS_COMMON_TARGET_H
#define HALYARD_TARGETS_COMMON_TARGET_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/Common/TargetTools.h"

#include <memory>
#include <optional>

namespace Halide {
class Module;
class Pipeline;
struct Target;
} // namespace Halide

namespace halyard {

class Npu;
struct CodeMachine;

namespace kernels {
struct CpuShape;
struct Kernel;
} // namespace kernels

/// What the weight of a linear layer is stored as.
enum class WeightPrecision { f32, bf16, f16, i8, i4 };

/// How the weight of seq.linear is packed: tensor<panels x blocks x columns x terms>, as described there.
struct LinearLayout {
  /// P: columns of a panel.
  int64_t columns;
  /// V: terms that stand together. Inputs (seq.quantize, or rounded to f16) are padded to a multiple of it,
  /// or of a group of 4-bit codes.
  int64_t terms;
  /// What is added to the codes of inputs: 0 (signed codes, no column sums) or 128.
  int64_t zeroPoint;
  /// Scales of columns of 8-bit codes are as large as it takes for narrow pairs (seq.linear).
  bool narrowPairs = false;
  /// Codes of 4 bits are unsigned, 8 more than what they stand for: signed ones with their sign bits turned.
  bool unsignedNibbles = false;
  /// The sign bits of a byte of two.
  static constexpr uint8_t kNibbleSigns = 0x88;
};

/// What can follow a target's name on the command line, as "dotprod" in "aarch64-neon+dotprod".
struct TargetOption {
  llvm::StringRef name, description;
};

/// Panels of 64 columns, which are a few vectors of any width; narrow weights take the smallest power of two
/// that holds them. Floats stand alone, bf16 in pairs, codes in fours.
LinearLayout widePanels(int64_t outputs, WeightPrecision precision, int64_t zeroPoint);

class Target {
public:
  virtual ~Target() = default;

  /// The name given on the command line, as in "x86-64-v4", with the options that were chosen.
  virtual llvm::StringRef name() const = 0;
  /// One line for `halyard targets`.
  virtual llvm::StringRef description() const = 0;
  /// What can be chosen. An option means the same whatever is chosen beside it.
  virtual llvm::ArrayRef<TargetOption> options() const { return {}; }
  /// This target with some of its options, which stand in the order of options(); `name` is NAME+OPTION+...
  /// Null if they do not go together.
  virtual std::unique_ptr<Target> withOptions(llvm::StringRef name,
                                              llvm::ArrayRef<llvm::StringRef> chosen) const {
    return nullptr;
  }
  /// The instruction set, and what an object may rely on (no runtime, no assertions).
  virtual Halide::Target machine() const = 0;
  /// Vectors and register tiles.
  virtual const kernels::CpuShape &shape() const = 0;
  /// How kernels of this target read a weight of `features` rows (K) and `outputs` columns (N).
  virtual LinearLayout linearLayout(int64_t features, int64_t outputs, WeightPrecision precision) const = 0;
  /// Rows from which layers of f32 with this layout are faster by parts of numbers (seq.split); none if they
  /// never are. Of several levels, the best one's.
  virtual std::optional<int64_t> fewestRowsOfParts(const LinearLayout &layout) const { return std::nullopt; }
  /// Rows up to which layers of weights of 4 bits are faster than those of 8 bits, of weights that come from
  /// memory; none if all are.
  virtual std::optional<int64_t> mostRowsOfNibbles() const { return std::nullopt; }
  /// What weights and caches can be stored as, in the words of `--weights`: all but f16, unless kernels that
  /// compute with some are not there. Those of f16 are GPUs'.
  virtual llvm::ArrayRef<llvm::StringRef> precisions() const;
  /// Best first, the targets among which an artifact chooses when it is loaded; empty for a target that is
  /// one instruction set. Weights, which are there once, have this target's layout.
  virtual llvm::ArrayRef<const Target *> levels() const { return {}; }
  /// What a processor must have, as C compilers' __builtin_cpu_supports calls it.
  virtual llvm::ArrayRef<llvm::StringRef> processorFeatures() const { return {}; }
  /// A function of the runtime, without arguments, that returns 0 if the system does not let programs use
  /// what the processor has; empty if there is nothing to ask.
  virtual llvm::StringRef systemCheck() const { return {}; }
  /// By which interface kernels are started on a device of its own: "cuda" or "opencl", as the folder of the
  /// runtime is called. Empty if they run on the processor.
  virtual llvm::StringRef deviceInterface() const { return {}; }
  /// The library that the runtime finds that device by.
  virtual llvm::StringRef deviceLibrary() const { return {}; }
  /// What computes the sums of linear layers of codes beside the processor, in layers that linearLayout lays
  /// out for it: one column a panel, and all terms together.
  virtual const Npu *npu() const { return nullptr; }
  /// Names of kernels that every program has, for what the runtime does by itself elsewhere.
  virtual llvm::ArrayRef<llvm::StringRef> commonKernels() const { return {}; }
  /// One of them. May throw Halide::Error.
  virtual Halide::Module makeCommonKernel(llvm::StringRef name) const;
  /// True if this machine has the instruction set.
  virtual bool runsHere() const = 0;
  /// Among targets that run here, "host" is the one with the highest; 0: never.
  virtual int hostRank() const { return 0; }
  /// What runs programs of the target where the machine does not.
  virtual Emulator emulator() const { return {}; }
  /// What an artifact's C++ is compiled with.
  virtual BuildTools buildTools() const { return {}; }
  /// Adds passes over lowered loops, for what Halide does not know of the target. `kernel` is scheduled.
  virtual void addPasses(Halide::Pipeline &pipeline, const kernels::Kernel &kernel) const {}
  /// Gives every Func of the kernel a schedule. May throw Halide::Error.
  virtual void schedule(kernels::Kernel &kernel) const = 0;
  /// What the names of kernels' files end in. Those that end in ".cpp" are compiled with the artifact's C++.
  virtual llvm::StringRef kernelSuffix() const { return ".o"; }
  /// The machine that LLVM compiles Halide's code for again (targets/Common/BitcodeCompiler.h), where Halide
  /// does not know it, or not all of its instructions.
  virtual const CodeMachine *codeMachine() const { return nullptr; }
  /// Writes a scheduled kernel to such a file; by default, an object. May throw Halide::Error.
  virtual void write(const Halide::Module &kernel, llvm::StringRef path) const;
  /// Writes it as assembly. May throw Halide::Error.
  virtual void writeAssembly(const Halide::Module &kernel, llvm::StringRef path) const;
};

/// All targets without options, the default one first.
llvm::ArrayRef<const Target *> allTargets();

/// The target of a name as in NAME+OPTION+..., or null; then `problem`, if given, says why. "host" is the
/// best of the targets that run on this machine.
const Target *lookupTarget(llvm::StringRef name, std::string *problem = nullptr);

/// Compiles a kernel function to a file of the target's kind at `path`, with its symbol name as the C name.
/// On failure an error was emitted at the operation concerned and no file is left.
mlir::LogicalResult compileKernel(mlir::func::FuncOp kernel, const Target &target, llvm::StringRef path);

/// The same to assembly text, for tests and for looking at.
mlir::LogicalResult compileKernelToAssembly(mlir::func::FuncOp kernel, const Target &target,
                                            llvm::StringRef assemblyPath);

/// Compiles one of the target's common kernels to an object file. On failure an error was emitted.
mlir::LogicalResult compileCommonKernel(llvm::StringRef name, const Target &target,
                                        llvm::StringRef objectPath, mlir::Location location);

} // namespace halyard

#endif
