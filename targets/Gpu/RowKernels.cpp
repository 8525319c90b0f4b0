// Kernels that every program on a GPU has; see the header. Rows go to places that are only known on the
// device: each element of a row is written where its row's slot and position say.
#include "targets/Gpu/RowKernels.h"

#include <Halide.h>

#include <limits>

using Halide::Argument;
using Halide::Expr;
using Halide::Func;
using Halide::ImageParam;
using Halide::MemoryType;
using Halide::Param;
using Halide::RDom;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

/// Threads of a block.
static constexpr int kThreads = 128;

namespace {
/// A Func with its arguments in the order in which they are declared.
struct RowKernel {
  Func func;
  std::vector<Argument> arguments;
};
} // namespace

static ImageParam dense(Halide::Type type, int rank, const char *name) {
  ImageParam array(type, rank, name);
  for (int dim = 0; dim < rank; ++dim)
    array.dim(dim).set_min(0);
  return array;
}

static RowKernel append(Halide::Type type) {
  ImageParam rows = dense(Halide::Float(32), 2, "rows"), slot = dense(Halide::Int(32), 1, "slot"),
             position = dense(Halide::Int(32), 1, "position");
  Param<int> begin("begin"), heads("heads"), width("width"), block("block"), blocks("blocks");
  Func cache("cache");
  Var at("at");
  RDom all(0, heads * width, 0, rows.dim(1).extent());
  Expr head = all.x / width, feature = all.x % width, row = position(all.y);
  Expr piece = (slot(all.y) * blocks + row / block) * heads + head;
  Expr place = (piece * block + row % block) * width + feature;
  Expr value = rows(all.x + begin, all.y);
  if (type.is_bfloat()) { // the halves of the nearest, to even
    Expr bits = Halide::reinterpret<uint32_t>(value);
    value = Halide::cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    type = Halide::UInt(16);
  }
  cache(at) = Halide::undef(type);
  cache(Halide::unsafe_promise_clamped(place, 0, cache.output_buffer().dim(0).extent() - 1)) = value;
  cache.output_buffer().dim(0).set_min(0);
  RVar outer("outer"), inner("inner");
  cache.update()
      .allow_race_conditions()
      .split(all.x, outer, inner, kThreads, TailStrategy::GuardWithIf)
      .reorder(inner, outer, all.y)
      .gpu_blocks(outer, all.y)
      .gpu_threads(inner);
  return {cache, {rows, slot, position, begin, heads, width, block, blocks}};
}

static RowKernel gather() {
  ImageParam cache = dense(Halide::UInt(8), 2, "cache"), slot = dense(Halide::Int(32), 1, "slot");
  Func to("to");
  Var byte("byte"), row("row"), outer("outer");
  to(byte, row) = cache(byte, Halide::unsafe_promise_clamped(slot(row), 0, cache.dim(1).extent() - 1));
  to.output_buffer().dim(0).set_min(0).dim(1).set_min(0);
  to.split(byte, outer, byte, kThreads, TailStrategy::GuardWithIf).gpu_blocks(outer, row).gpu_threads(byte);
  return {to, {cache, slot}};
}

static RowKernel widen() {
  ImageParam from = dense(Halide::Int(32), 1, "from");
  Func to("to");
  Var i("i"), outer("outer");
  to(i) = Halide::cast<int64_t>(from(i));
  to.output_buffer().dim(0).set_min(0);
  to.split(i, outer, i, kThreads, TailStrategy::GuardWithIf).gpu_blocks(outer).gpu_threads(i);
  return {to, {from}};
}

/// The better of two candidates: larger or, if equal, earlier.
static void consider(Halide::FuncRef best, const Expr &value, const Expr &index) {
  Expr old = best[0], at = best[1];
  Expr takes = value > old || (value == old && index < at);
  best = Halide::Tuple(Halide::select(takes, value, old), Halide::select(takes, index, at));
}

/// The index of the largest logit of each row, the lowest of equal ones, by a block of threads: each looks at
/// every so many logits, then fewer at what those found.
static RowKernel argmax() {
  constexpr int kGroups = 8;
  ImageParam logits = dense(Halide::Float(32), 2, "logits");
  Expr count = logits.dim(0).extent();
  Func each("each"), group("group"), best("best"), token("token");
  Var t("t"), g("g"), row("row"), thread("thread");
  Expr none = Halide::Internal::make_const(Halide::Float(32), std::numeric_limits<float>::lowest());
  RDom turns(0, (count + (kThreads - 1)) / kThreads), members(0, kThreads / kGroups), groups(0, kGroups);
  each(t, row) = Halide::Tuple(none, Expr(0));
  Expr at = Halide::min(turns * kThreads + t, count - 1);
  consider(each(t, row), logits(at, row), at);
  Expr member = g * (kThreads / kGroups) + members;
  group(g, row) = Halide::Tuple(none, Expr(0));
  consider(group(g, row), each(member, row)[0], each(member, row)[1]);
  best(row) = Halide::Tuple(none, Expr(0));
  consider(best(row), group(groups, row)[0], group(groups, row)[1]);
  token(row) = best(row)[1];
  token.output_buffer().dim(0).set_min(0);
  Var outer("outer");
  token.split(row, outer, thread, 1).gpu_blocks(outer).gpu_threads(thread);
  for (Func *func : {&each, &group, &best})
    func->compute_at(token, outer).store_in(MemoryType::GPUShared);
  each.bound(t, 0, kThreads).gpu_threads(t).update().reorder(turns, t).gpu_threads(t);
  group.bound(g, 0, kGroups).gpu_threads(g).update().gpu_threads(g);
  return {token, {logits}};
}

llvm::ArrayRef<llvm::StringRef> halyard::rowKernels() {
  static const llvm::StringRef names[] = {"halyard_rows_append_f32", "halyard_rows_append_bf16",
                                          "halyard_rows_gather", "halyard_rows_widen", "halyard_rows_argmax"};
  return names;
}

Halide::Module halyard::makeRowKernel(llvm::StringRef name, const Halide::Target &machine) {
  RowKernel kernel = name == "halyard_rows_append_f32"    ? append(Halide::Float(32))
                     : name == "halyard_rows_append_bf16" ? append(Halide::BFloat(16))
                     : name == "halyard_rows_gather"      ? gather()
                     : name == "halyard_rows_widen"       ? widen()
                                                          : argmax();
  return kernel.func.compile_to_module(kernel.arguments, name.str(), machine);
}
