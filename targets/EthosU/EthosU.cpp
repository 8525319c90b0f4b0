// The NPUs that programs are compiled for, one line each.
//
// A program computes several rows: reading weights takes longer than multiplying them, so that further rows
// cost next to nothing up to some 16, while each needs memory for its codes and sums. One number of rows for
// each layer, as the order in which Vela stores weights follows from it.
#include "targets/EthosU/EthosU.h"
#include "targets/EthosU/Vela.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace halyard;

namespace {

/// What shapes have at most, by the registers that hold them.
constexpr int64_t kMostChannels = 1 << 16;
/// Sums of more products of two codes may not fit 32 bits, but channels are fewer.
static_assert(kMostChannels * 127 * 127 < int64_t(1) << 31);
constexpr int64_t kRows = 16;

struct Model {
  StringLiteral name, description;
  /// By Vela's configuration file: the memories that its estimates are for.
  StringLiteral system;
};

constexpr Model kModels[] = {
    {"ethos-u55-128", "linear layers of int8 weights on an Ethos-U55 of 128 multipliers",
     "Ethos_U55_High_End_Embedded"},
    {"ethos-u65-256", "the same on an Ethos-U65 of 256 multipliers", "Ethos_U65_Embedded"},
    {"ethos-u85-256", "the same on an Ethos-U85 of 256 multipliers", "Ethos_U85_SYS_Flash_High"},
};

class EthosU : public Npu {
public:
  explicit EthosU(const Model &model) : model(model) {}

  StringRef name() const override { return model.name; }
  bool takes(int64_t features, int64_t outputs) const override {
    return features <= kMostChannels && outputs <= kMostChannels;
  }
  int64_t rowsAtOnce(int64_t most) const override { return std::clamp<int64_t>(most, 1, kRows); }
  std::string missing() const override { return missingVelaTools(); }
  FailureOr<NpuProgram> compile(const NpuLayer &layer, Location location) const override {
    return compileWithVela(layer, {model.name, model.system}, location);
  }

private:
  const Model &model;
};

} // namespace

ArrayRef<TargetOption> halyard::ethosUOptions() {
  static const auto options = llvm::to_vector(llvm::map_range(
      kModels, [](const Model &model) { return TargetOption{model.name, model.description}; }));
  return options;
}

std::unique_ptr<Npu> halyard::makeEthosU(StringRef option) {
  for (const Model &model : kModels)
    if (model.name == option)
      return std::make_unique<EthosU>(model);
  return nullptr;
}
