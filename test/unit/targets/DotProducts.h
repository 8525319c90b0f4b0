// Dot products of bytes (AVX-VNNI) on processors without them.
#ifndef HALYARD_TEST_UNIT_TARGETS_DOTPRODUCTS_H
#define HALYARD_TEST_UNIT_TARGETS_DOTPRODUCTS_H

#include "targets/Common/Target.h"

#include <string>

namespace halyard::test {

/// True if code of the target runs in this process: this machine has its instructions, or lacks nothing but
/// dot products.
bool runsInProcess(const Target &target);

/// True if it is to be compiled from assembly that withoutDotProducts has rewritten.
bool lacksDotProducts(const Target &target);

/// `assembly` with several instructions of AVX2 for each VPDPBUSD and VPDPWSSD of 128 and 256 bits.
std::string withoutDotProducts(llvm::StringRef assembly);

} // namespace halyard::test

#endif
