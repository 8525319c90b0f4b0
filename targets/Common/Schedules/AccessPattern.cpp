// Walks definitions from the consumer on, carrying what each Func's variables stand for.
#include "targets/Common/Schedules/AccessPattern.h"

#include <map>
#include <set>

using namespace halyard::kernels;
using Halide::Expr;
using Halide::Internal::Call;
using Bindings = std::map<std::string, Expr>;

namespace {
/// Of a producer by its name, or of arguments of the kernel if it has none.
class AccessFinder : public Halide::Internal::IRGraphVisitor {
public:
  AccessFinder(const std::string &producer, const Bindings &bindings, std::set<std::string> &visited)
      : producer(producer), bindings(bindings), visited(visited) {}

  std::optional<std::vector<Expr>> found;

  /// Visits all definitions of a Func whose pure variables are bound.
  void visitFunc(const Halide::Internal::Function &function) {
    for (const Expr &value : function.values())
      value.accept(this);
    for (const auto &update : function.updates())
      for (const Expr &value : update.values())
        value.accept(this);
  }

private:
  using IRGraphVisitor::visit;

  void visit(const Call *call) override {
    IRGraphVisitor::visit(call);
    const bool isArgument = call->call_type == Call::Image && producer.empty();
    if (found || (!isArgument && (call->call_type != Call::Halide || !call->func.defined())))
      return;
    std::vector<Expr> arguments;
    for (const Expr &argument : call->args)
      arguments.push_back(Halide::Internal::simplify(Halide::Internal::substitute(bindings, argument)));
    if (isArgument || call->name == producer) {
      found = arguments;
      return;
    }
    // A Func calls itself in its updates; others are entered once, at the first place that reads them.
    if (!visited.insert(call->name).second)
      return;
    Halide::Internal::Function function(call->func);
    Bindings inner;
    for (size_t i = 0; i < arguments.size(); ++i)
      inner[function.args()[i]] = arguments[i];
    AccessFinder nested(producer, inner, visited);
    nested.visitFunc(function);
    found = nested.found;
  }

  const std::string &producer;
  const Bindings &bindings;
  std::set<std::string> &visited;
};
} // namespace

static std::optional<std::vector<Expr>> find(const Halide::Func &consumer, const std::string &producer) {
  Bindings none;
  std::set<std::string> visited{consumer.name()};
  AccessFinder finder(producer, none, visited);
  finder.visitFunc(consumer.function());
  return finder.found;
}

std::optional<std::vector<Expr>> halyard::kernels::accessPattern(const Halide::Func &consumer,
                                                                 const Halide::Func &producer) {
  return find(consumer, producer.name());
}

std::optional<std::vector<Expr>> halyard::kernels::argumentAccess(const Halide::Func &consumer) {
  return find(consumer, "");
}
