// The seq dialect: what an encoder-decoder model means, tied to no target.
#ifndef HALYARD_SEQ
#define HALYARD_SEQ

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Seq_Dialect : Dialect {
  let name = "seq";
  let cppNamespace = "::halyard::seq";
  let summary = "encoder-decoder programs: what runs once per source and what runs once per token";
  let description = [{
    Every length in a program is a function of two numbers: `source`, the extent of the one dynamic axis of the
    encoder's input (tokens, audio samples, frames), and `target`, the number of decoder rows. Tensors of the
    dialect's operations are of rank two, `[rows, features]`: rows are positions in time, and there is no batch
    axis, because sequences are never padded into one.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
  let hasConstantMaterializer = 1;
}

class Seq_Op<string mnemonic, list<Trait> traits = []> : Op<Seq_Dialect, mnemonic, traits>;

//===-- types --------------------------------------------------------------------------------------------------===//

def Seq_BlockForm : I32EnumAttr<"BlockForm", "order of the elements that a block holds of one head", [
    I32EnumAttrCase<"rows", 0>, I32EnumAttrCase<"row_pairs", 1>, I32EnumAttrCase<"feature_pairs", 2>]> {
  let cppNamespace = "::halyard::seq";
  let genSpecializedAttr = 0;
}

def Seq_BlocksAttr : AttrDef<Seq_Dialect, "Blocks"> {
  let mnemonic = "blocks";
  let summary = "a cache cut into blocks of rows, in which each head lies together";
  let description = [{
    A slot is `[length / rows, rounded up][heads]` pieces, each with the elements that `rows` rows have of one head, W
    features a row, in one of these orders, of which the last two are read by instructions that multiply and add up
    pairs of 16-bit integers:

    ```
    rows           [rows][W]
    row_pairs      [rows / 2][W][2]            two rows side by side
    feature_pairs  [rows / 16][W / 2][16][2]   two features side by side, for 16 rows
    ```
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$rows, EnumParameter<Seq_BlockForm>:$form);
  let assemblyFormat = "`<` $heads `x` $rows `,` $form `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Rows whose features are paired together in the form `feature_pairs`.
    static constexpr int64_t kTileRows = 16;
  }];
}

def Seq_CacheType : TypeDef<Seq_Dialect, "Cache"> {
  let mnemonic = "cache";
  let summary = "rows kept per slot: at most `length` rows of `features` elements each";
  let description = [{
    A cache as it is read by a step over ragged rows: `slots` blocks of `length x features` elements. Which block a row
    of the step reads, and how many rows of it, follows from the row's slot and position. Without `blocks` rows follow
    one another.

    ```mlir
    !seq.cache<512, 64, f32>
    !seq.cache<512, 64, i8, <4 x 64, row_pairs>>
    ```
  }];
  let parameters = (ins "int64_t":$length, "int64_t":$features, "::mlir::Type":$elementType,
                        OptionalParameter<"::halyard::seq::BlocksAttr">:$blocks);
  let assemblyFormat = "`<` $length `,` $features `,` $elementType (`,` $blocks^)? `>`";
  let builders = [TypeBuilder<(ins "int64_t":$length, "int64_t":$features, "::mlir::Type":$elementType), [{
    return $_get($_ctxt, length, features, elementType, BlocksAttr());
  }]>];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The extents of one slot's memory, outermost first: rows by features, or as the blocks say.
    ::llvm::SmallVector<int64_t> slotShape() const;
  }];
}

def Seq_RowsOrCache : AnyTypeOf<[AnyRankedTensor, Seq_CacheType]>;

//===-- enumerations -------------------------------------------------------------------------------------------===//

def Seq_Axis : I32EnumAttr<"Axis", "which length of the program", [
    I32EnumAttrCase<"source", 0>, I32EnumAttrCase<"target", 1>]> {
  let cppNamespace = "::halyard::seq";
}

def Seq_HeadMap : I32EnumAttr<"HeadMap", "which key/value head a query head reads", [
    I32EnumAttrCase<"grouped", 0>, I32EnumAttrCase<"tiled", 1>]> {
  let cppNamespace = "::halyard::seq";
}

def Seq_StepMode : I32EnumAttr<"StepMode", "how a step treats the rows already decoded", [
    I32EnumAttrCase<"incremental", 0>, I32EnumAttrCase<"recompute", 1>]> {
  let cppNamespace = "::halyard::seq";
}

//===-- lengths ------------------------------------------------------------------------------------------------===//

def Seq_LengthOp : Seq_Op<"length", [Pure]> {
  let summary = "the number of source positions or of decoder rows";
  let description = [{
    ```mlir
    %s = seq.length source : index
    ```
  }];
  let arguments = (ins Seq_Axis:$axis);
  let results = (outs Index:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
}

def Seq_ExtentsOp : Seq_Op<"extents", [Pure]> {
  let summary = "a vector of integers that depend on lengths only";
  let description = [{
    The form every shape computation of an ONNX graph is brought to: the map's two symbols are the source and the target
    length, and its results are the elements. It folds to a constant when no result uses a symbol.

    ```mlir
    %shape = seq.extents affine_map<()[s, t] -> (1, t, 8, 64)> : tensor<4xi64>
    ```
  }];
  let arguments = (ins AffineMapAttr:$map);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$map attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===-- attention and other operations along time -----------------------------------------------------------------===//

def Seq_AttentionOp : Seq_Op<"attention", [Pure, AttrSizedOperandSegments]> {
  let summary = "multi-head scaled dot-product attention";
  let description = [{
    For query row i and head h, with key/value head g (`grouped`: g = h / (heads / kv_heads); `tiled`: g = h mod kv_heads),

    ```
    s(j)  = softcap(scale * dot(q[i, h, :], k[j, g, :])) + bias[h, i, j] + mask[j]
    o[i,h,:] = sum over j of softmax(s)(j) * v[j, g, :]
    ```

    where softcap(x) = c * tanh(x / c) if `softcap` c is given, and x otherwise. A row of `q` holds the heads one after
    the other. `bias` is indexed by absolute positions: its shape is [1 or heads, at least query rows, at least key
    rows], or, with `by_distance`, [1 or heads, 2L - 1], read at i - j + L - 1. `mask` is data about the keys, and has
    their rows: [keys, 1]. With `causal`, j runs to i only; else over all keys. A query row to which no key is visible
    (all scores -inf) yields zeros.

    With `bfloat_products`, the operands of both products may be rounded: to bf16, or to anything finer.

    Over ragged rows (`slot`, `position` given) `k`, `v` and `mask` are caches; i is the row's position and the keys are those
    of its slot: positions 0 to i with `causal`, and every row bound for the slot's source otherwise. Caches of codes
    (i8) come with caches of scales (f32), one for each row and key/value head: an element is its code times its scale.

    ```mlir
    %o = seq.attention %q, %k, %v {heads = 8, kv_heads = 8, scale = 1.0 : f64, causal}
        : tensor<?x512xf32>, tensor<?x512xf32>, tensor<?x512xf32> -> tensor<?x512xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$query, Seq_RowsOrCache:$key, Seq_RowsOrCache:$value,
                       Optional<Seq_CacheType>:$key_scale, Optional<Seq_CacheType>:$value_scale,
                       Optional<AnyRankedTensor>:$bias, Optional<Seq_RowsOrCache>:$mask,
                       Optional<AnyRankedTensor>:$slot, Optional<AnyRankedTensor>:$position,
                       I64Attr:$heads, I64Attr:$kv_heads, F64Attr:$scale, OptionalAttr<F64Attr>:$softcap,
                       UnitAttr:$causal, UnitAttr:$by_distance, UnitAttr:$bfloat_products,
                       DefaultValuedAttr<Seq_HeadMap, "HeadMap::grouped">:$head_map);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value
    (`scales` `(` $key_scale^ `,` $value_scale `:` type($key_scale) `,` type($value_scale) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)? (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`rows` `(` $slot^ `,` $position `:` type($slot) `,` type($position) `)`)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Seq_PrefixSumOp : Seq_Op<"prefix_sum", [Pure, AttrSizedOperandSegments]> {
  let summary = "sum over time of all rows up to and including each";
  let description = [{
    `result[i, :] = sum of input[j, :] for j <= i` (without `i` itself when `exclusive`). The causal counterpart of ONNX
    CumSum along decoder time; over ragged rows it reads a cache as attention does.
  }];
  let arguments = (ins Seq_RowsOrCache:$input, Optional<AnyRankedTensor>:$slot, Optional<AnyRankedTensor>:$position,
                       UnitAttr:$exclusive);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input (`rows` `(` $slot^ `,` $position `:` type($slot) `,` type($position) `)`)? attr-dict
    `:` type($input) `->` type($result)
  }];
}

//===-- named row-wise operations ----------------------------------------------------------------------------------===//

def Seq_NormKind : I32EnumAttr<"NormKind", "layer: mean is subtracted; rms: it is not", [
    I32EnumAttrCase<"layer", 0>, I32EnumAttrCase<"rms", 1>]> {
  let cppNamespace = "::halyard::seq";
}

def Seq_NormOp : Seq_Op<"norm", [Pure]> {
  let summary = "normalisation of each row over its features";
  let description = [{
    ```
    layer: y = (x - mean(x)) / sqrt(variance(x) + epsilon) * scale + bias
    rms:   y = x / sqrt(mean(x^2) + epsilon) * scale
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale, Optional<AnyRankedTensor>:$bias,
                       Seq_NormKind:$kind, F64Attr:$epsilon);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $kind $input `,` $scale (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict
    `:` type($input) `,` type($scale) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Seq_RotaryOp : Seq_Op<"rotary", [Pure]> {
  let summary = "rotary position embedding of each head of each row";
  let description = [{
    Pairs (a, b) of the first `rotary` features of each head become (a cos - b sin, b cos + a sin); the rest is kept.
    Pair p is features (p, p + rotary / 2), or with `interleaved` (2p, 2p + 1). `cos` and `sin` are [rows, rotary / 2].
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$cos, AnyRankedTensor:$sin, I64Attr:$heads,
                       I64Attr:$rotary, UnitAttr:$interleaved);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `,` $cos `,` $sin attr-dict `:` type($input) `,` type($cos) `,` type($sin) `->` type($result)
  }];
}

//===-- linear layers -----------------------------------------------------------------------------------------------===//

def Seq_QuantizeOp : Seq_Op<"quantize", [Pure]> {
  let summary = "rows as 8-bit codes, each with a scale of its own";
  let description = [{
    ```
    scales[i]   = max over k of |x[i, k]| / 127              (1 where that is 0)
    codes[i, k] = round(x[i, k] / scales[i]) + zero_point    (half to even)
    ```

    Codes are signed without a zero point and unsigned with one (128). A row of codes is as long as a packed weight
    needs, a multiple of its dot factor; what is beyond the input's features is `zero_point`.

    ```mlir
    %codes, %scales = seq.quantize %x {zero_point = 128} : tensor<?x510xf32> -> tensor<?x512xui8>, tensor<?xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, DefaultValuedAttr<I64Attr, "0">:$zero_point);
  let results = (outs AnyRankedTensor:$codes, AnyRankedTensor:$scales);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($codes) `,` type($scales)";
  let hasVerifier = 1;
}

def Seq_SplitOp : Seq_Op<"split", [Pure]> {
  let summary = "rows of f32 as rows of three parts of bf16";
  let description = [{
    The parts of a number have eight of its binary digits each, and their sum is the number. Targets that multiply bf16
    much faster than f32 multiply parts with each other, and lose nothing.

    ```
    parts[i, k]         the first digits of x[i, k]
    parts[i, T + k]     the next ones
    parts[i, 2 T + k]   the last ones
    ```

    Only kernels of targets that multiply parts read them; elsewhere, rows are left as they are.

    T is the least odd multiple of 32 that is not less than the number of features; what is beyond these is zero. Odd,
    because in a cache a line of each of many rows then has a place of its own.

    ```mlir
    %parts = seq.split %x : tensor<?x512xf32> -> tensor<?x1632xbf16>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$parts);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($parts)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    static constexpr int64_t kParts = 3;
    /// T, and the length of a row, for so many features.
    static int64_t termsOfPart(int64_t features);
    static int64_t width(int64_t features);
  }];
}

def Seq_LinearOp : Seq_Op<"linear", [Pure, AttrSizedOperandSegments]> {
  let summary = "rows times a packed constant matrix";
  let description = [{
    `y[i, o] = sum over k of x[i, k] w[k, o]`, with the matrix packed in panels that are read as one stream: element
    (k, o) of it is `weight[o / P, k / V, o mod P, k mod V]`, where `weight` is a tensor<panels x K/V x P x V>; what is
    beyond the matrix is zero. Panels are P columns wide; V terms stand together because one instruction of the target
    multiplies and adds them. Inputs and weights are both f32, both bf16, or codes:

    ```
    y[i, o] = input_scale[i] scale[o] (sum over k of codes[i, k] w[k, o] - zero_point column_sums[o])
    ```

    where column_sums[o] is the sum over k of w[k, o]; it is there exactly if `zero_point` is not 0. Signed codes may come
    without scales: then the result is the sums themselves, as i32.

    With `group`, codes of weights have 4 bits, -8 to 7, and each `group` terms of a column have a scale of their own. A
    byte of the weight, now panels x K/2V x P x V, holds term k in its lower and term k + V in its upper half, k mod 2V
    being less than V. Unsigned codes of 4 bits (a weight of ui8) are 8 more than what they stand for. Scales (f32 or bf16)
    are packed as panels x K/group x P, and column_sums are of scaled weights:

    ```
    y[i, o] = input_scale[i] (sum over k of codes[i, k] w[k, o] scale[k / group, o] - zero_point column_sums[o])
    column_sums[o] = sum over k of w[k, o] scale[k / group, o]
    ```

    With `narrow_pairs`, of the weights of terms 2j and 2j + 1 in a column the positive ones add up to 128 at most, and the
    negative ones to -128 at least. So the sum of two such products with unsigned codes fits 16 bits, which targets make
    use of that have no instruction for sums of four products.

    With `tiles`, sums of bf16 have the order of additions of the target's matrix tiles, if it has any for such a layer,
    however many rows there are. `parts` are those of an input of f32 (seq.split), for targets that multiply them instead
    of it; there, sums have the order of tiles as well.

    ```mlir
    %y = seq.linear %x, %w : tensor<?x512xf32>, tensor<32x512x64x1xf32> -> tensor<?x2048xf32>
    %z = seq.linear %codes, %v scale(%s : tensor<2048xf32>) input_scale(%t : tensor<?xf32>)
        column_sums(%c : tensor<2048xi32>) {zero_point = 128}
        : tensor<?x512xui8>, tensor<32x128x64x4xi8> -> tensor<?x2048xf32>
    %u = seq.linear %codes, %n scale(%g : tensor<32x8x64xf32>) input_scale(%t : tensor<?xf32>)
        column_sums(%d : tensor<2048xf32>) {zero_point = 128, group = 64}
        : tensor<?x512xui8>, tensor<32x64x64x4xi8> -> tensor<?x2048xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$weight, Optional<AnyRankedTensor>:$scale,
                       Optional<AnyRankedTensor>:$input_scale, Optional<AnyRankedTensor>:$column_sums,
                       Optional<AnyRankedTensor>:$parts,
                       DefaultValuedAttr<I64Attr, "0">:$zero_point, OptionalAttr<I64Attr>:$group,
                       UnitAttr:$tiles, UnitAttr:$narrow_pairs);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`scale` `(` $scale^ `:` type($scale) `)`)?
    (`input_scale` `(` $input_scale^ `:` type($input_scale) `)`)?
    (`column_sums` `(` $column_sums^ `:` type($column_sums) `)`)? (`parts` `(` $parts^ `:` type($parts) `)`)? attr-dict
    `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Terms of a sum, with those that fill up the weight.
    int64_t getTerms();
  }];
}

//===-- programs -------------------------------------------------------------------------------------------------===//

def Seq_ProgramOp : Seq_Op<"program", [IsolatedFromAbove, Symbol, SymbolTable, NoTerminator, SingleBlock]> {
  let summary = "a model: encode and bind run once per source, step once per token";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 512 : i64, max_target = 256 : i64, max_rows = 8 : i64, slots = 4 : i64} {
      seq.state @self.0.k : tensor<?x64xf32>
      seq.cross @cross.0.k : tensor<?x64xf32>
      seq.encode { ... }
      seq.bind { ... }
      seq.step { ... }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$max_source, I64Attr:$max_target, I64Attr:$max_rows,
                       I64Attr:$slots);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    /// Largest value that `length` takes in this program.
    int64_t maximum(Axis axis) { return axis == Axis::source ? getMaxSource() : getMaxTarget(); }
    /// A builder after the declarations of states and cross values, before the first stage.
    ::mlir::OpBuilder declarations();
  }];
}

def Seq_StateOp : Seq_Op<"state", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "rows kept per slot, one more with every decoded position";
  let description = [{
    The type is that of one slot's memory. Its first extent counts rows, or blocks of `block_rows` rows.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type, OptionalAttr<I64Attr>:$block_rows);
  let assemblyFormat = "$sym_name (`blocks` `of` $block_rows^)? `:` $type attr-dict";
}

def Seq_CrossOp : Seq_Op<"cross", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "a value of the source that steps read: computed by bind, kept per slot";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type, OptionalAttr<I64Attr>:$block_rows);
  let assemblyFormat = "$sym_name (`blocks` `of` $block_rows^)? `:` $type attr-dict";
}

class Seq_StageOp<string mnemonic> : Seq_Op<mnemonic, [IsolatedFromAbove, HasParent<"ProgramOp">, SingleBlock]> {
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::mlir::Block &getBlock() { return getBody().front(); }
  }];
}

def Seq_EncodeOp : Seq_StageOp<"encode"> {
  let summary = "from the source to the encoder's last hidden state, once per source";
  let description = [{
    Arguments: the source and, where padding matters, its mask. Yields: `memory`, the encoder's output.
  }];
}
def Seq_BindOp : Seq_StageOp<"bind"> {
  let summary = "everything else that is known once the source is: cross-attention keys and values above all";
  let description = [{
    Arguments: `memory` and, where encode has one, the mask. Stores every `seq.cross` of the program and yields nothing.
  }];
}
def Seq_StepOp : Seq_StageOp<"step"> {
  let summary = "from decoder rows to logits";
  let description = [{
    Arguments: tokens; after flatten-rows, tokens, slots and positions, each `tensor<?xi32>`. Yields one row of logits
    per row, or what `seq.head` makes logits of. In `recompute` mode the rows are the whole text of one slot so far and only the last row of logits counts.
  }];
  let arguments = (ins DefaultValuedAttr<Seq_StepMode, "StepMode::incremental">:$mode);
}

def Seq_HeadOp : Seq_StageOp<"head"> {
  let summary = "from the last rows of a step to logits, where that is a stage of its own";
  let description = [{
    A program that is screened (screen-head) has three stages after its step, which then yields the rows that the head
    multiplies instead of logits. All three take what the step yields. Head gives the logits of every row.
  }];
}
def Seq_ScreenOp : Seq_StageOp<"screen"> {
  let summary = "from the last rows of a step to bounds: no logit is above its bound";
  let description = [{
    Reads a narrower form of the head's matrix, so that few logits have to be computed at all. With `most_rows`, all logits
    of more rows than that are computed faster.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$most_rows);
}
def Seq_RescoreOp : Seq_StageOp<"rescore"> {
  let summary = "a few logits of one row, with the bits that head gives them";
  let description = [{
    Arguments: what the step yields, then two numbers: the row, and the unit. Unit u is as many columns as are yielded,
    from column u times that number on. Columns that the head does not have are there with any value.
  }];
}

def Seq_YieldOp : Seq_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "ends a stage";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

def Seq_StoreOp : Seq_Op<"store"> {
  let summary = "binds a cross value of the program";
  let arguments = (ins FlatSymbolRefAttr:$cross, AnyRankedTensor:$value);
  let assemblyFormat = "$cross `,` $value attr-dict `:` type($value)";
}

def Seq_LoadOp : Seq_Op<"load", [Pure]> {
  let summary = "reads a cross value of the program";
  let description = [{
    A tensor: the value of the one source at hand; with `rows`, one value per row, that of the row's slot, along a new
    leading axis. A cache: of every slot, to be read row by row.
  }];
  let arguments = (ins FlatSymbolRefAttr:$cross, Optional<AnyRankedTensor>:$slot);
  let results = (outs Seq_RowsOrCache:$result);
  let assemblyFormat = [{
    $cross (`rows` `(` $slot^ `:` type($slot) `)`)? attr-dict `:` type($result)
  }];
}

def Seq_CacheAppendOp : Seq_Op<"cache_append", [AttrSizedOperandSegments]> {
  let summary = "keeps new rows and gives all rows so far";
  let description = [{
    Without rows: the new rows follow the state's. Over ragged rows each new row is written at (slot, position),
    rounded to the state's element type.
  }];
  let arguments = (ins FlatSymbolRefAttr:$state, AnyRankedTensor:$rows, Optional<AnyRankedTensor>:$slot,
                       Optional<AnyRankedTensor>:$position);
  let results = (outs Seq_RowsOrCache:$result);
  let assemblyFormat = [{
    $state `,` $rows (`rows` `(` $slot^ `,` $position `:` type($slot) `,` type($position) `)`)? attr-dict
    `:` type($rows) `->` type($result)
  }];
}

#endif
