// Dot products of bytes for processors that have AVX-VNNI, which Halide makes for those with AVX-512 only.
#ifndef HALYARD_TARGETS_X86_DOTPRODUCTS_H
#define HALYARD_TARGETS_X86_DOTPRODUCTS_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace halyard {

/// Makes one instruction (vpdpbusd) of every three that multiply unsigned with signed bytes into words that
/// saturate, add these up in pairs, and add the pairs to a sum (vpmaddubsw, vpmaddwd with ones, vpaddd). It
/// does not saturate, so that kernels may be written with those three for bytes of any size. As
/// CodeMachine::rewrite; throws Halide::Error if products would be left that saturate.
void makeDotProducts(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace halyard

#endif
