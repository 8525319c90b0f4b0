// Watches the instructions that Schedules/FetchLine.h makes.
#include "WatchedTarget.h"

#include <Halide.h>

using namespace halyard;
using namespace Halide::Internal;
using Halide::Expr;

namespace {
/// Replaces what fetchLines makes.
class FetchWatcher : public IRMutator {
  using IRMutator::visit;

  Stmt visit(const LetStmt *let) override {
    const auto *sum = let->value.as<Add>();
    if (!starts_with(let->name, "ahead") || !sum)
      return IRMutator::visit(let);
    start = operandOf(sum->a);
    offset = operandOf(sum->b);
    Stmt body = mutate(let->body);
    return LetStmt::make(let->name, let->value, body);
  }

  Expr visit(const Call *call) override {
    if (call->name != "llvm.prefetch.p0")
      return IRMutator::visit(call);
    Expr line = operandOf(call->args.front()).as<Add>()->b;
    return Call::make(Halide::Int(32), "halyard_prefetch", {start, offset + Halide::cast<int64_t>(line), 1},
                      Call::Extern);
  }

  static Expr operandOf(const Expr &reinterpreted) { return reinterpreted.as<Reinterpret>()->value; }

  Expr start, offset;
};

class WatchedTarget : public halyard::Target {
public:
  explicit WatchedTarget(const halyard::Target &target) : target(target) {}

  llvm::StringRef name() const override { return target.name(); }
  llvm::StringRef description() const override { return target.description(); }
  Halide::Target machine() const override { return target.machine(); }
  const kernels::CpuShape &shape() const override { return target.shape(); }
  LinearLayout linearLayout(int64_t features, int64_t outputs, WeightPrecision precision) const override {
    return target.linearLayout(features, outputs, precision);
  }
  bool runsHere() const override { return target.runsHere(); }
  void schedule(kernels::Kernel &kernel) const override { target.schedule(kernel); }
  void write(const Halide::Module &kernel, llvm::StringRef path) const override {
    target.write(kernel, path);
  }
  void writeAssembly(const Halide::Module &kernel, llvm::StringRef path) const override {
    target.writeAssembly(kernel, path);
  }
  void addPasses(Halide::Pipeline &pipeline, const kernels::Kernel &kernel) const override {
    target.addPasses(pipeline, kernel);
    pipeline.add_custom_lowering_pass(new FetchWatcher);
  }

private:
  const halyard::Target &target;
};
} // namespace

std::unique_ptr<halyard::Target> halyard::test::watchedTarget(const halyard::Target &target) {
  return std::make_unique<WatchedTarget>(target);
}
