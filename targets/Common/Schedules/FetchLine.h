// Fetching memory ahead of its use within loops whose values are in registers, where a call would displace
// them all.
#ifndef HALYARD_TARGETS_COMMON_SCHEDULES_FETCHLINE_H
#define HALYARD_TARGETS_COMMON_SCHEDULES_FETCHLINE_H

#include <Halide.h>

namespace halyard::kernels {

/// Bytes that are fetched at a time.
inline constexpr int kLineBytes = 64;

/// Fetches the `lines` lines from `offset` bytes behind the start of a buffer on, on processors of 64 bits.
/// They need not exist. Into the second-level cache: the first one has no room for what is used that late,
/// and some processors stop following the loop's own loads there if asked to fetch something else.
inline Halide::Internal::Stmt fetchLines(const std::string &buffer, const Halide::Expr &offset, int lines) {
  using namespace Halide::Internal;
  const std::string name = unique_name("ahead");
  const Halide::Type integer = Halide::UInt(64), pointer = Halide::Handle();
  Halide::Expr start = Halide::reinterpret(integer, Variable::make(pointer, buffer)) +
                       Halide::reinterpret(integer, Halide::cast<int64_t>(offset));
  Stmt all;
  for (int line = lines; line-- > 0;) {
    Halide::Expr at = Variable::make(integer, name) + Halide::cast<uint64_t>(line * kLineBytes);
    // Reading, into the second level, data.
    Stmt fetch = Evaluate::make(Call::make(Halide::Int(32), "llvm.prefetch.p0",
                                           {Halide::reinterpret(pointer, at), 0, 2, 1}, Call::Extern));
    all = all.defined() ? Halide::Internal::Block::make(fetch, all) : fetch;
  }
  return LetStmt::make(name, start, all);
}

} // namespace halyard::kernels

#endif
