// The rt dialect: the artifact's runtime interface one to one, so that emission only prints.
#ifndef HALYARD_RUNTIME
#define HALYARD_RUNTIME

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Rt_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::halyard::rt";
  let summary = "what the generated C++ does: buffers at known offsets, kernel calls, rows appended to caches";
  let description = [{
    A program in this dialect is three functions over raw memory, `encode`, `step` and `memory_rows`, as the artifact's C
    interface has them. Every buffer is a `memref` with row-major layout that begins at an address known up to the base
    of the arena, of the weights or of the caller's memory. Each operation becomes one statement of C++.
  }];
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

class Rt_Op<string mnemonic, list<Trait> traits = []> : Op<Rt_Dialect, mnemonic, traits>;

//===-- types --------------------------------------------------------------------------------------------------===//

def Rt_PointerType : TypeDef<Rt_Dialect, "Pointer"> {
  let mnemonic = "pointer";
  let summary = "an untyped address: the base of the arena or of the weights, or memory of the caller";
}

//===-- computations on tensors, before buffers ------------------------------------------------------------------===//

def Rt_DispatchOp : Rt_Op<"dispatch", [Pure, AttrSizedOperandSegments,
                                       DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one call of a kernel function, still on tensors";
  let description = [{
    Made by form-dispatches. `extents` are the dynamic extents of the results, in order.

    ```mlir
    %y = rt.dispatch @kernel_0(%x, %w) extents(%n) : (tensor<?x512xf32>, tensor<512x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$arguments, Variadic<Index>:$extents);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $arguments `)` (`extents` `(` $extents^ `)`)? attr-dict `:` functional-type($arguments, $results)
  }];
}

def Rt_SourceRowsOp : Rt_Op<"source_rows", [Pure]> {
  let summary = "how many rows every slot's source has, as a tensor of one number per slot";
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

//===-- programs -------------------------------------------------------------------------------------------------===//

def Rt_ProgramOp : Rt_Op<"program", [IsolatedFromAbove, Symbol, SymbolTable, NoTerminator, SingleBlock]> {
  let summary = "a model as the artifact runs it";
  let description = [{
    Holds the kernel functions (private `func.func` over tensors), the weights, the arena's persistent regions, and the
    functions `encode`, `step` and `memory_rows`. The arena begins with `header_bytes` that belong to the runtime.
    `source_vocabulary` is the number of ids of a token source, or 0. With `recompute`, a step computes the whole text of
    each row's slot again, by the function `text`; with `screen_columns`, step leaves
    the rows that its head reads in the arena, and there are functions `head`, `screen` and `rescore`, the last of so many
    columns, which more rows than `screen_rows` do without; with `masked`, encode reads a mask beside the source.
    `encode` is given an array of sources (halyard_source), a single one or, with `together`, several that have at most
    so many positions.
    `arena_bytes` is given by plan-arena, `weights_bytes` by place-weights.

    ```mlir
    rt.program @t5 attributes {max_source = 512 : i64, max_target = 256 : i64, max_rows = 8 : i64, slots = 4 : i64,
                               vocabulary = 32128 : i64, memory_features = 512 : i64, source_type = tensor<1x?xi64>,
                               source_name = "input_ids", source_vocabulary = 32128 : i64, header_bytes = 128 : i64} {
      ...
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$max_source, I64Attr:$max_target, I64Attr:$max_rows,
                       I64Attr:$slots, I64Attr:$vocabulary, I64Attr:$memory_features, TypeAttr:$source_type,
                       StrAttr:$source_name, I64Attr:$source_vocabulary, I64Attr:$header_bytes, UnitAttr:$recompute,
                       UnitAttr:$masked,
                       OptionalAttr<I64Attr>:$arena_bytes, OptionalAttr<I64Attr>:$weights_bytes,
                       OptionalAttr<I64Attr>:$screen_columns, OptionalAttr<I64Attr>:$screen_rows,
                       OptionalAttr<I64Attr>:$together);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def Rt_ConstantOp : Rt_Op<"constant", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "contents of the weights file, at `offset` once place-weights has run";
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value, OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name (`at` $offset^)? attr-dict `:` $value";
}

def Rt_RegionOp : Rt_Op<"region", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "memory of the arena that lasts between calls, at `offset` once plan-arena has run";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyMemRef>:$type, OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<I64Attr>:$block_rows);
  let description = [{
    The first extent counts slots, the second, where there is one, rows, or blocks of `block_rows` rows.
  }];
  let assemblyFormat = "$sym_name (`at` $offset^)? (`blocks` `of` $block_rows^)? `:` $type attr-dict";
}

//===-- buffers ----------------------------------------------------------------------------------------------------===//

def Rt_WeightOp : Rt_Op<"weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a constant of the program, in the mapped weights file";
  let arguments = (ins Rt_PointerType:$weights, FlatSymbolRefAttr:$constant);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$constant `in` $weights attr-dict `:` type($result)";
}

def Rt_ArenaOp : Rt_Op<"arena", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a persistent region of the arena";
  let arguments = (ins Rt_PointerType:$arena, FlatSymbolRefAttr:$region);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$region `in` $arena attr-dict `:` type($result)";
}

def Rt_AllocOp : Rt_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "memory for one intermediate value, not placed yet";
  let description = [{ plan-arena turns it into `rt.buffer`. }];
  let arguments = (ins Variadic<Index>:$extents);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "(`(` $extents^ `)`)? attr-dict `:` type($result)";
}

def Rt_BufferOp : Rt_Op<"buffer", [Pure]> {
  let summary = "memory at an offset of the arena";
  let arguments = (ins Rt_PointerType:$arena, I64Attr:$offset, Variadic<Index>:$extents);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$arena `at` $offset (`(` $extents^ `)`)? attr-dict `:` type($result)";
}

def Rt_HostOp : Rt_Op<"host", [Pure]> {
  let summary = "the caller's memory as a buffer";
  let arguments = (ins Rt_PointerType:$pointer, Variadic<Index>:$extents);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$pointer (`(` $extents^ `)`)? attr-dict `:` type($result)";
}

def Rt_ViewOp : Rt_Op<"view", [Pure, AttrSizedOperandSegments]> {
  let summary = "part of a buffer, or the same memory with other extents";
  let description = [{
    `begin` counts elements from the buffer's first; without it the view begins where the buffer does.
  }];
  let arguments = (ins AnyMemRef:$source, Optional<Index>:$begin, Variadic<Index>:$extents);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = [{
    $source (`from` $begin^)? (`(` $extents^ `)`)? attr-dict `:` type($source) `->` type($result)
  }];
  let extraClassDeclaration = [{ ::mlir::Value getViewSource() { return getSource(); } }];
}

def Rt_SlotOp : Rt_Op<"slot", [Pure]> {
  let summary = "the block of one slot: `cache[slot]`, of which the first rows may be taken";
  let arguments = (ins AnyMemRef:$cache, Index:$slot, Variadic<Index>:$extents);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$cache `[` $slot `]` (`(` $extents^ `)`)? attr-dict `:` type($cache) `->` type($result)";
}

//===-- sources that are encoded together ------------------------------------------------------------------------===//

class Rt_SourceOp<string part, Type type> : Rt_Op<"source_" # part, [Pure]> {
  let arguments = (ins Rt_PointerType:$sources, Index:$index);
  let results = (outs type:$result);
  let assemblyFormat = "$sources `[` $index `]` attr-dict";
}

def Rt_SourceSlotOp : Rt_SourceOp<"slot", Index> { let summary = "the slot of a source"; }
def Rt_SourceLengthOp : Rt_SourceOp<"length", Index> { let summary = "how many positions a source has"; }
def Rt_SourceDataOp : Rt_SourceOp<"data", Rt_PointerType> { let summary = "the caller's memory with a source"; }
def Rt_SourceMaskOp : Rt_SourceOp<"mask", Rt_PointerType> { let summary = "the caller's mask of a source, or null"; }
def Rt_SourceMemoryOp : Rt_SourceOp<"memory", Rt_PointerType> {
  let summary = "where the caller wants the encoder's output, or null";
}
def Rt_SourceBeginOp : Rt_SourceOp<"begin", Index> {
  let summary = "how many positions all sources before `index` have";
  let description = [{ What is computed of several sources lies end to end, in their order. }];
}

//===-- actions ----------------------------------------------------------------------------------------------------===//

def Rt_KernelCallOp : Rt_Op<"kernel_call", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel: inputs in the order of its function's arguments, then outputs";
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$arguments);
  let assemblyFormat = "$kernel `(` $arguments `)` attr-dict `:` type($arguments)";
}

def Rt_AppendRowsOp : Rt_Op<"append_rows"> {
  let summary = "cache[slot[r]][position[r]] = rows[r] for every r";
  let description = [{
    Rows may be wider than the cache's: then the elements from column `begin` on are taken. Elements are
    rounded to the cache's type. A cache of more extents than slots, rows and features has blocks, one of the forms of
    `#seq.blocks`, which follows from the number of extents.
  }];
  let arguments = (ins AnyMemRef:$rows, AnyMemRef:$cache, AnyMemRef:$slot, AnyMemRef:$position,
                       DefaultValuedAttr<I64Attr, "0">:$begin);
  let assemblyFormat = [{
    $rows (`from` $begin^)? `to` $cache `rows` `(` $slot `,` $position `)` attr-dict
    `:` type($rows) `to` type($cache) `,` type($slot) `,` type($position)
  }];
}

def Rt_GatherSlotsOp : Rt_Op<"gather_slots"> {
  let summary = "destination[r] = cache[slot[r]] for every r";
  let arguments = (ins AnyMemRef:$cache, AnyMemRef:$slot, AnyMemRef:$destination);
  let assemblyFormat = [{
    $cache `rows` `(` $slot `)` `to` $destination attr-dict
    `:` type($cache) `,` type($slot) `to` type($destination)
  }];
}

def Rt_CopyOp : Rt_Op<"copy"> {
  let summary = "copies a whole buffer; does nothing if the destination is the caller's null pointer";
  let arguments = (ins AnyMemRef:$source, AnyMemRef:$destination);
  let assemblyFormat = "$source `to` $destination attr-dict `:` type($source) `to` type($destination)";
}

def Rt_WidenOp : Rt_Op<"widen"> {
  let summary = "copies 32-bit integers to 64-bit ones";
  let arguments = (ins AnyMemRef:$source, AnyMemRef:$destination);
  let assemblyFormat = "$source `to` $destination attr-dict `:` type($source) `to` type($destination)";
}

def Rt_MaskOp : Rt_Op<"mask"> {
  let summary = "the caller's mask, bytes of 0 or not 0, as zeros and ones; all ones if the pointer is null";
  let arguments = (ins Rt_PointerType:$given, AnyMemRef:$destination);
  let assemblyFormat = "$given `to` $destination attr-dict `:` type($destination)";
}

def Rt_StageOp : Rt_Op<"stage"> {
  let summary = "says, for profiles, that the rest of the function belongs to another stage of the model";
  let description = [{ The program's `encode` runs two of them: encode, then bind. }];
  let arguments = (ins StrAttr:$name);
  let assemblyFormat = "$name attr-dict";
}

def Rt_ReadOp : Rt_Op<"read"> {
  let summary = "one integer of a buffer of rank one";
  let arguments = (ins AnyMemRef:$buffer, Index:$position);
  let results = (outs Index:$result);
  let assemblyFormat = "$buffer `[` $position `]` attr-dict `:` type($buffer)";
}

def Rt_WriteOp : Rt_Op<"write"> {
  let summary = "sets one integer of a buffer of rank one";
  let arguments = (ins Index:$value, AnyMemRef:$buffer, Index:$position);
  let assemblyFormat = "$value `to` $buffer `[` $position `]` attr-dict `:` type($buffer)";
}

#endif
