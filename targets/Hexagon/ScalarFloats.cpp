// A schedule is written as if all types had vectors. Here every definition whose expressions are floats, or
// call a Func that is inlined and computes floats, loses them again.
#include "targets/Hexagon/ScalarFloats.h"

#include "targets/Common/Schedules/PlainLoops.h"

using namespace halyard::kernels;
using namespace Halide::Internal;

using Environment = std::map<std::string, Function>;

static bool isInlined(const Function &function) {
  return !function.has_update_definition() && function.schedule().compute_level().is_inlined();
}

namespace {
/// Looks for a float in an expression and in what is inlined into it.
class FloatFinder : public IRVisitor {
public:
  FloatFinder(const Environment &environment) : environment(environment) {}

  bool isFloat(const Definition &definition) {
    found = false;
    for (const Halide::Expr &value : definition.values())
      visitExpr(value);
    for (const Halide::Expr &argument : definition.args())
      visitExpr(argument);
    return found;
  }

private:
  using IRVisitor::visit;

  void visitExpr(const Halide::Expr &expr) {
    if (!expr.defined() || found)
      return;
    if (expr.type().is_float())
      found = true;
    else
      expr.accept(this);
  }

  void visit(const Cast *op) override { visitExpr(op->value); }
  void visit(const Reinterpret *op) override { visitExpr(op->value); }
  void visit(const Select *op) override {
    for (const Halide::Expr &part : {op->condition, op->true_value, op->false_value})
      visitExpr(part);
  }
  template <typename Binary> void visitOperands(const Binary *op) {
    visitExpr(op->a);
    visitExpr(op->b);
  }
  void visit(const EQ *op) override { visitOperands(op); }
  void visit(const NE *op) override { visitOperands(op); }
  void visit(const LT *op) override { visitOperands(op); }
  void visit(const LE *op) override { visitOperands(op); }
  void visit(const GT *op) override { visitOperands(op); }
  void visit(const GE *op) override { visitOperands(op); }

  void visit(const Call *op) override {
    for (const Halide::Expr &argument : op->args)
      visitExpr(argument);
    auto called = environment.find(op->name);
    if (op->call_type != Call::Halide || called == environment.end() || !isInlined(called->second))
      return;
    for (const Halide::Expr &value : called->second.values())
      visitExpr(value);
  }

  const Environment &environment;
  bool found = false;
};
} // namespace

void halyard::kernels::keepFloatsScalar(Kernel &kernel) {
  Environment environment = functionsOf(kernel);
  for (auto &[name, function] : environment)
    function.lock_loop_levels();
  FloatFinder finder(environment);
  dropVectors(kernel, [&](const Definition &definition) { return finder.isFloat(definition); });
}
