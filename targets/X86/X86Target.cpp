// The x86-64 levels: instruction sets and the register tiles that suit them.
#include "targets/Common/BitcodeCompiler.h"
#include "targets/Common/Schedules/CpuSchedule.h"
#include "targets/Common/TargetRegistry.h"
#include "targets/X86/DotProducts.h"

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace halyard;
using namespace halyard::kernels;
using Feature = Halide::Target::Feature;

namespace {
class X86Target : public halyard::Target {
public:
  X86Target(llvm::StringRef name, llvm::StringRef description, std::vector<Feature> features, CpuShape shape,
            std::vector<llvm::StringRef> processor, int rank)
      : targetName(name), text(description), features(std::move(features)), cpu(shape),
        processor(std::move(processor)), rank(rank) {}

  llvm::StringRef name() const override { return targetName; }
  llvm::StringRef description() const override { return text; }
  const CpuShape &shape() const override { return cpu; }

  Halide::Target machine() const override {
    Halide::Target target(Halide::Target::Linux, Halide::Target::X86, 64, features);
    for (Feature feature :
         {Halide::Target::NoRuntime, Halide::Target::NoAsserts, Halide::Target::NoBoundsQuery})
      target.set_feature(feature);
    return target;
  }

  LinearLayout linearLayout(int64_t, int64_t outputs, WeightPrecision precision) const override {
    LinearLayout layout =
        widePanels(outputs, precision, cpu.multipliesBytes || cpu.multipliesWords ? 128 : 0);
    layout.narrowPairs = wantsNarrowPairs();
    layout.unsignedNibbles = wantsUnsignedNibbles();
    return layout;
  }

  /// Without an instruction for four bytes, that for two adds up in 16 bits.
  bool wantsNarrowPairs() const { return cpu.multipliesWords && !hasDotProducts(); }
  /// Nibbles are multiplied as unsigned bytes there.
  bool wantsUnsignedNibbles() const { return cpu.multipliesWords && !cpu.multipliesBytes; }

  /// Splitting a weight takes as long as multiplying it with a hundred rows.
  std::optional<int64_t> fewestRowsOfParts(const LinearLayout &layout) const override {
    if (!cpu.hasMatrixTiles || layout.columns < 32)
      return std::nullopt;
    return 256;
  }

  /// Bytes have tiles from 8 rows on. Narrow pairs take so few instructions that unpacking pays for four rows
  /// at most; without pairs, it takes longer than reading twice as much.
  std::optional<int64_t> mostRowsOfNibbles() const override {
    if (hasDotProducts())
      return cpu.hasMatrixTiles ? 7 : 8;
    return cpu.multipliesWords ? 4 : 0;
  }

  llvm::ArrayRef<llvm::StringRef> processorFeatures() const override { return processor; }
  llvm::StringRef systemCheck() const override { return cpu.hasMatrixTiles ? "halyard_tiles_allowed" : ""; }

  bool runsHere() const override;
  int hostRank() const override { return rank; }

  void schedule(Kernel &kernel) const override { scheduleForCpu(kernel, cpu); }

private:
  bool hasDotProducts() const { return cpu.multipliesBytes || cpu.addsByteProducts; }

  llvm::StringRef targetName, text;
  std::vector<Feature> features;
  CpuShape cpu;
  std::vector<llvm::StringRef> processor;
  int rank;
};

/// True if the processor has dot products of bytes that AVX-512 does not come with. Halide does not know.
bool hasDotProductsOfAvx() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avxvnni");
#else
  return false;
#endif
}

/// AVX2 with dot products of bytes (AVX-VNNI), for which Halide's code is compiled again by LLVM.
class X86DotsTarget : public X86Target {
public:
  using X86Target::X86Target;

  bool runsHere() const override { return X86Target::runsHere() && hasDotProductsOfAvx(); }

  const CodeMachine *codeMachine() const override {
    static const CodeMachine machine{"x86_64-unknown-linux-gnu", "x86-64-v3", "+avxvnni",
                                     /*isRelocatable=*/true, makeDotProducts};
    return &machine;
  }
};

/// Several levels in one artifact. Everything that is asked of one machine is answered for the lowest.
class X86Levels : public halyard::Target {
public:
  X86Levels(llvm::StringRef name, llvm::StringRef description, std::vector<const X86Target *> bestFirst)
      : targetName(name), text(description), all(bestFirst.begin(), bestFirst.end()),
        wantsNarrowPairs(
            llvm::any_of(bestFirst, [](const X86Target *level) { return level->wantsNarrowPairs(); })),
        wantsUnsignedNibbles(
            llvm::any_of(bestFirst, [](const X86Target *level) { return level->wantsUnsignedNibbles(); })) {}

  llvm::StringRef name() const override { return targetName; }
  llvm::StringRef description() const override { return text; }
  llvm::ArrayRef<const Target *> levels() const override { return all; }
  const CpuShape &shape() const override { return all.back()->shape(); }
  Halide::Target machine() const override { return all.back()->machine(); }
  bool runsHere() const override { return all.back()->runsHere(); }
  void schedule(Kernel &kernel) const override { all.back()->schedule(kernel); }

  /// The best level's, like the layout.
  std::optional<int64_t> mostRowsOfNibbles() const override { return all.front()->mostRowsOfNibbles(); }
  std::optional<int64_t> fewestRowsOfParts(const LinearLayout &layout) const override {
    return all.front()->fewestRowsOfParts(layout);
  }
  /// The best level's layout: what it needs for its dot products, the others can read. Codes are the same for
  /// all.
  LinearLayout linearLayout(int64_t features, int64_t outputs, WeightPrecision precision) const override {
    LinearLayout layout = all.front()->linearLayout(features, outputs, precision);
    layout.narrowPairs = wantsNarrowPairs;
    layout.unsignedNibbles = wantsUnsignedNibbles;
    return layout;
  }

private:
  llvm::StringRef targetName, text;
  std::vector<const Target *> all;
  bool wantsNarrowPairs, wantsUnsignedNibbles;
};
} // namespace

/// True if the processor has tile registers and the system lets this process use them. Halide does not know.
static bool allowsMatrixTiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  static const bool allowed = __builtin_cpu_supports("amx-int8") && __builtin_cpu_supports("amx-bf16") &&
                              syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return allowed;
#else
  return false;
#endif
}

/// Halide counts some instructions as one maker's: both makers' processors have those that are used here.
bool X86Target::runsHere() const {
  static const Halide::Target host = Halide::get_host_target();
  if (host.arch != Halide::Target::X86 || host.bits != 64 || (cpu.hasMatrixTiles && !allowsMatrixTiles()))
    return false;
  return llvm::all_of(features, [&](Feature feature) {
    return host.has_feature(feature) || (feature == Halide::Target::AVX512_Zen4 &&
                                         (host.has_feature(Halide::Target::AVX512_SapphireRapids) ||
                                          host.has_feature(Halide::Target::AVX512_Zen5)));
  });
}

namespace halyard {

void addX86Targets(TargetRegistry &registry) {
  using T = Halide::Target;
  static const std::vector<Feature> v2{T::SSE41};
  static const std::vector<Feature> v3{T::SSE41, T::AVX, T::AVX2, T::FMA, T::F16C};
  static const std::vector<Feature> v4{T::SSE41, T::AVX,    T::AVX2,          T::FMA,
                                       T::F16C,  T::AVX512, T::AVX512_Skylake};
  static const std::vector<Feature> zen4{T::SSE41,      T::AVX,    T::AVX2,           T::FMA,
                                         T::F16C,       T::AVX512, T::AVX512_Skylake, T::AVX512_Cannonlake,
                                         T::AVX512_Zen4};
  static const std::vector<llvm::StringRef> has2{"sse4.1"}, has3{"avx2", "fma"},
      has4{"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"},
      hasDots{"avx512f",    "avx512bw",    "avx512dq",     "avx512vl", "avx512vnni",
              "avx512bf16", "avx512vbmi2", "avx512bitalg", "gfni"};
  static std::vector<llvm::StringRef> hasTiles = hasDots;
  hasTiles.insert(hasTiles.end(), {"amx-tile", "amx-int8", "amx-bf16"});
  constexpr CpuShape kShape3{8, 2, 4, 2, 12, 16, false, false, true};
  static const X86Target common("x86-64", "64-bit x86 with AVX2 and FMA (2013 and later)", v3, kShape3, has3,
                                0);
  static const X86Target third("x86-64-v3", "the same as x86-64", v3, kShape3, has3, 2);
  CpuShape shape3Dots = kShape3;
  shape3Dots.addsByteProducts = true;
  static const X86DotsTarget thirdDots("x86-64-v3-vnni", "the same with dot products of bytes (AVX-VNNI)", v3,
                                       shape3Dots, {"avx2", "fma", "avxvnni"}, 3);
  static const X86Target fourth("x86-64-v4", "64-bit x86 with AVX-512", v4,
                                {16, 4, 4, 4, 24, 32, false, false, true}, has4, 4);
  static const X86Target dots("x86-64-v4-vnni", "x86-64-v4 with dot products of bytes (VNNI) and of BF16",
                              zen4, {16, 4, 4, 4, 24, 32, true, true, true}, hasDots, 5);
  static const X86Target tiles("x86-64-v4-amx", "the same with tiles of matrices (AMX)", zen4,
                               {16, 4, 4, 4, 24, 32, true, true, true, true}, hasTiles, 6);
  // The level that others are compared with: it rounds nothing but what is stored.
  static const X86Target second("x86-64-v2", "any 64-bit x86 with SSE 4.1", v2, {4, 2, 4, 2, 8}, has2, 1);
  static const X86Levels several("x86-64-multi",
                                 "v2, v3, v4-vnni and v4-amx in one artifact, chosen when it is loaded",
                                 {&tiles, &dots, &third, &second});
  for (const halyard::Target *target : std::initializer_list<const halyard::Target *>{
           &common, &third, &thirdDots, &fourth, &dots, &tiles, &second, &several})
    registry.add(*target);
}

} // namespace halyard
