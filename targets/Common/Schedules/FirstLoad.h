// Where lowered loops begin to read a buffer.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_FIRSTLOAD_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_FIRSTLOAD_H

#include <Halide.h>

#include <map>
#include <string>

namespace halyard::kernels {

/// Finds the first load of a buffer: its index without the lets around it, the bytes of an element, and where
/// loops around it begin.
class FirstLoad : public Halide::Internal::IRVisitor {
public:
  explicit FirstLoad(const std::string &buffer) : buffer(buffer) {}
  Halide::Expr index;
  int elementBytes = 0;
  std::map<std::string, Halide::Expr> starts;
  /// Whether the load is in a loop inside of what is visited.
  bool isInLoop = false;

private:
  using IRVisitor::visit;
  void visit(const Halide::Internal::For *loop) override {
    if (index.defined())
      return;
    starts[loop->name] = loop->min;
    IRVisitor::visit(loop);
    isInLoop |= index.defined();
  }
  void visit(const Halide::Internal::LetStmt *let) override {
    IRVisitor::visit(let);
    if (index.defined())
      index = Halide::Internal::substitute(let->name, let->value, index);
  }
  void visit(const Halide::Internal::Load *load) override {
    if (load->name == buffer && !index.defined()) {
      index = load->index;
      elementBytes = load->type.bytes();
      while (const Halide::Internal::Ramp *ramp = index.as<Halide::Internal::Ramp>())
        index = ramp->base;
    }
    IRVisitor::visit(load);
  }
  const std::string &buffer;
};

} // namespace halyard::kernels

#endif
