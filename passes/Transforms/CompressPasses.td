// Passes of the phase compress; see Passes.td.
#ifndef HALYARD_PASSES_TRANSFORMS_COMPRESS
#define HALYARD_PASSES_TRANSFORMS_COMPRESS

include "mlir/Pass/PassBase.td"

def DropUnitAxes : Pass<"drop-unit-axes", "::halyard::seq::ProgramOp"> {
  let summary = "remove loops and axes of extent one from linalg operations";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<1x8xf32>) {
        %e = tensor.empty() : tensor<1x8xf32>
        %a = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>],
            iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) {
        ^bb0(%in: f32, %out: f32):
          %p = math.exp %in : f32
          linalg.yield %p : f32
        } -> tensor<1x8xf32>
        seq.yield %a : tensor<1x8xf32>
      }
    }
    // becomes
    %a = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%y : tensor<8xf32>) outs(%e : tensor<8xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def UnfoldConvolutions : Pass<"unfold-convolutions", "::halyard::seq::ProgramOp"> {
  let summary = "make convolutions linear layers";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<8x9xf32>) {
        %w = arith.constant dense<1.0> : tensor<4x8x3xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<4x4xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
        %y = linalg.generic {indexing_maps = [affine_map<(o, t, c, k) -> (c, t * 2 + k)>,
                                              affine_map<(o, t, c, k) -> (o, c, k)>,
                                              affine_map<(o, t, c, k) -> (o, t)>],
            iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
            ins(%x, %w : tensor<8x9xf32>, tensor<4x8x3xf32>) outs(%zeros : tensor<4x4xf32>) {
        ^bb0(%p: f32, %q: f32, %sum: f32):
          %product = arith.mulf %p, %q : f32
          %next = arith.addf %sum, %product : f32
          linalg.yield %next : f32
        } -> tensor<4x4xf32>
        seq.yield %y : tensor<4x4xf32>
      }
    }
    // becomes
    %rows = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d2, d0 * 2 + d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<8x9xf32>) outs(%a : tensor<4x3x8xf32>)
    %windows = tensor.collapse_shape %rows [[0], [1, 2]] : tensor<4x3x8xf32> into tensor<4x24xf32>
    %h = linalg.matmul ins(%windows, %matrix : tensor<4x24xf32>, tensor<24x4xf32>)
    %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]} ins(%h : tensor<4x4xf32>)
    ```
  }];
  let options = [Option<"dense", "dense", "bool", "true",
                        "take windows along one axis that move by one or two elements, too">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def MergeLinears : Pass<"merge-linears", "::halyard::seq::ProgramOp"> {
  let summary = "make linear layers that read the same rows one layer";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x2xf32>) {
        %w = arith.constant dense<1.0> : tensor<2x3xf32>
        %v = arith.constant dense<1.0> : tensor<2x3xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x3xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
        %a = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x3xf32>) outs(%zeros : tensor<2x3xf32>) -> tensor<2x3xf32>
        %b = linalg.matmul ins(%x, %v : tensor<2x2xf32>, tensor<2x3xf32>) outs(%zeros : tensor<2x3xf32>) -> tensor<2x3xf32>
        %y = linalg.add ins(%a, %b : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
        seq.yield %y : tensor<2x3xf32>
      }
    }
    // becomes
    %h = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x6xf32>) outs(%zeros : tensor<2x6xf32>) -> tensor<2x6xf32>
    %a = tensor.extract_slice %h[0, 0] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %b = tensor.extract_slice %h[0, 3] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %y = linalg.add ins(%a, %b : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ChoosePrecision : Pass<"choose-precision", "::halyard::seq::ProgramOp"> {
  let summary = "say what the weight of each linear layer is stored as";
  let description = [{
    Where weights are rounded, the products of attention may be of bf16 (`bfloat_products`) as well.

    `except` names groups of weights (see WeightGroups.h) or single ones, as in `head=bf16` or `bind.2=f32`. A table for
    which it says something is stored so whether or not a layer has the same elements.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x16xf32>) {
        %w = arith.constant dense<0.5> : tensor<16x8xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x8xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
        %h = linalg.matmul ins(%x, %w : tensor<2x16xf32>, tensor<16x8xf32>) outs(%zeros : tensor<2x8xf32>) -> tensor<2x8xf32>
        seq.yield %h : tensor<2x8xf32>
      }
    }
    // becomes
    %h = linalg.matmul {seq.precision = "f32"} ins(%x, %w : tensor<2x16xf32>, tensor<16x8xf32>) outs(%zeros : tensor<2x8xf32>)
    ```
  }];
  let options = [Option<"weights", "weights", "std::string", "\"f32\"", "f32, bf16, f16, int8 or int4">,
                 ListOption<"except", "except", "std::string", "other precisions: GROUP=PRECISION, GROUP.N=PRECISION">];
}

def PackWeights : Pass<"pack-weights", "::halyard::seq::ProgramOp"> {
  let summary = "turn linear layers into seq.linear over weights packed for the target";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%x: tensor<2x16xf32>) {
        %w = arith.constant dense<0.5> : tensor<16x40xf32>
        %zero = arith.constant 0.0 : f32
        %e = tensor.empty() : tensor<2x40xf32>
        %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x40xf32>) -> tensor<2x40xf32>
        %h = linalg.matmul ins(%x, %w : tensor<2x16xf32>, tensor<16x40xf32>) outs(%zeros : tensor<2x40xf32>) -> tensor<2x40xf32>
        seq.yield %h : tensor<2x40xf32>
      }
    }
    // becomes
    %h = seq.linear %x, %w : tensor<2x16xf32>, tensor<1x16x64x1xf32> -> tensor<2x40xf32>
    ```

    Layers of f32 that are computed once per source, for a static number of rows that is large enough for the target, take
    the parts of their rows as well (seq.split).
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-64\"", "whose layouts to use">,
                 Option<"deterministic", "deterministic", "bool", "false",
                        "have no layout that makes a target round differently">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PackTables : Pass<"pack-tables", "::halyard::seq::ProgramOp"> {
  let summary = "read embeddings from equal weights of a linear layer, or store them in the weights' precision";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%ids: tensor<8xindex>, %x: tensor<8x64xf32>) {
        %table = arith.constant dense<1.0> : tensor<64x64xf32>
        %w = arith.constant dense<1.0> : tensor<1x64x64x1xf32>
        %e = tensor.empty() : tensor<8x64xf32>
        %r = linalg.generic {indexing_maps = [affine_map<(i, k) -> (i)>, affine_map<(i, k) -> (i, k)>],
            iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<8xindex>) outs(%e : tensor<8x64xf32>) {
        ^bb0(%id: index, %out: f32):
          %k = linalg.index 1 : index
          %v = tensor.extract %table[%id, %k] : tensor<64x64xf32>
          linalg.yield %v : f32
        } -> tensor<8x64xf32>
        %y = seq.linear %r, %w : tensor<8x64xf32>, tensor<1x64x64x1xf32> -> tensor<8x64xf32>
        seq.yield %y : tensor<8x64xf32>
      }
    }
    // becomes
    %w = arith.constant dense<1.000000e+00> : tensor<1x64x64x1xf32>
    %v = tensor.extract %w[%panel, %block, %column, %term] : tensor<1x64x64x1xf32>
    ```
  }];
  let options = [Option<"weights", "weights", "std::string", "\"f32\"", "precision of weights">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def CompressCaches : Pass<"compress-caches", "::halyard::seq::ProgramOp"> {
  let summary = "keep keys and values in fewer bits than they are computed in";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.state @k : tensor<?x4xf32>
      seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
        %o = seq.attention %x, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            {causal, heads = 1 : i64, kv_heads = 1 : i64, scale = 1.0 : f64}
            : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
        seq.yield %o : tensor<?x4xf32>
      }
    }
    // becomes
    seq.state @k : tensor<?x4xbf16>
    %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, bf16>
    ```
  }];
  let options = [Option<"kv", "kv", "std::string", "\"bf16\"", "f32, bf16 or int8">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ScreenHead : Pass<"screen-head", "::halyard::seq::ProgramOp"> {
  let summary = "make the head a stage of its own, beside a narrower one that bounds its logits";
  let description = [{
    A matrix of floats is screened in 8-bit codes, one of 8-bit codes in 4-bit codes, for as many rows as that is faster on
    the target. Heads are left alone that are small, narrower already, or followed by more than the addition of a constant
    for each column.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %w = arith.constant dense<0.5> : tensor<600x32x64x1xf32>
        %logits = seq.linear %x, %w : tensor<?x32xf32>, tensor<600x32x64x1xf32> -> tensor<?x38400xf32>
        seq.yield %logits : tensor<?x38400xf32>
      }
    }
    // becomes
    seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) attributes {mode = 0 : i32} {
      seq.yield %x : tensor<?x32xf32>
    }
    seq.head(%rows: tensor<?x32xf32>) {
      %logits = seq.linear %rows, %w : tensor<?x32xf32>, tensor<600x32x64x1xf32> -> tensor<?x38400xf32>
      seq.yield %logits : tensor<?x38400xf32>
    }
    seq.screen(%narrow: tensor<?x32xf32>) {
      %codes, %scales = seq.quantize %narrow {zero_point = 128 : i64} : tensor<?x32xf32> -> tensor<?x32xui8>, tensor<?xf32>
      %about = seq.linear %codes, %c scale(%s : tensor<38400xf32>) input_scale(%scales : tensor<?xf32>)
      seq.yield %bounds : tensor<?x38400xf32>
    }
    seq.rescore(%all: tensor<?x32xf32>, %row: index, %unit: index) {
      %few = seq.linear %one, %columns : tensor<1x32xf32>, tensor<1x32x16x1xf32> -> tensor<1x16xf32>
      seq.yield %few : tensor<1x16xf32>
    }
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-64\"", "whose layouts to use">,
                 Option<"when", "when", "std::string", "\"auto\"", "auto: large heads; always, never">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def SplitSums : Pass<"split-sums", "::halyard::seq::ProgramOp"> {
  let summary = "leave the sums of linear layers to the target's NPU, and what follows them to the processor";
  let description = [{
    A layer whose codes the NPU multiplies gives sums of 32 bits, which are scaled by an elementwise operation. Without
    an NPU nothing is done; with one, and no layer that it takes, the program is refused.

    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.encode(%codes: tensor<2x24xi8>, %scales: tensor<2xf32>) {
        %w = arith.constant dense<3> : tensor<40x1x1x24xi8>
        %s = arith.constant dense<0.5> : tensor<40xf32>
        %y = seq.linear %codes, %w scale(%s : tensor<40xf32>) input_scale(%scales : tensor<2xf32>)
            : tensor<2x24xi8>, tensor<40x1x1x24xi8> -> tensor<2x40xf32>
        seq.yield %y : tensor<2x40xf32>
      }
    }
    // becomes
    seq.encode(%codes: tensor<2x24xi8>, %scales: tensor<2xf32>) {
      %sums = seq.linear %codes, %w : tensor<2x24xi8>, tensor<40x1x1x24xi8> -> tensor<2x40xi32>
      %e = tensor.empty() : tensor<2x40xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
          ins(%sums, %scales, %s : tensor<2x40xi32>, tensor<2xf32>, tensor<40xf32>) outs(%e : tensor<2x40xf32>) {
      ^bb0(%sum: i32, %ofrow: f32, %ofcolumn: f32, %out: f32):
        %f = arith.sitofp %sum : i32 to f32
        %g = arith.mulf %f, %ofrow : f32
        %h = arith.mulf %g, %ofcolumn : f32
        linalg.yield %h : f32
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"cortex-m55+ethos-u85-256\"", "whose NPU to use">];
  let dependentDialects = ["::halyard::seq::SeqDialect", "::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LayOutCaches : Pass<"lay-out-caches", "::halyard::seq::ProgramOp"> {
  let summary = "keep what a head attends to together";
  let description = [{
    ```mlir
    seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
      seq.state @k : tensor<?x4xf32>
      seq.step(%x: tensor<?x4xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
        %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
        %o = seq.attention %x, %k, %k rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
            {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
            : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
        seq.yield %o : tensor<?x4xf32>
      }
    }
    // becomes
    seq.state @k blocks of 16 : tensor<1x2x16x2xf32>
    %k = seq.cache_append @k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>)
        : tensor<?x4xf32> -> !seq.cache<8, 4, f32, <2 x 16, rows>>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect",
                           "::mlir::affine::AffineDialect", "::mlir::tensor::TensorDialect"];
}

#endif
