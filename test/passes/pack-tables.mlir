// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-tables))" --split-input-file | FileCheck %s --check-prefixes=CHECK,F32
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(pack-tables{weights=int8}))" --split-input-file | FileCheck %s --check-prefixes=CHECK,INT8

#one = affine_map<(i, k) -> (i)>
#two = affine_map<(i, k) -> (i, k)>

// Element (v, k) of the table is (v / 64, k / 4, v mod 64, k mod 4) of the panels, times its row's scale.
// CHECK-LABEL: seq.program @shared
// CHECK-DAG: %[[W:.*]] = arith.constant dense<127> : tensor<1x16x64x4xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<2.000000e+00> : tensor<64xf32>
// CHECK: linalg.generic
// CHECK: arith.floordivsi %[[ID:.*]], %{{.*}} : index
// CHECK: tensor.extract %[[W]][
// CHECK: arith.sitofp
// CHECK: tensor.extract %[[S]][%[[ID]]]
// CHECK: arith.mulf
// CHECK: seq.linear
seq.program @shared attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%ids: tensor<8xindex>) {
    %table = arith.constant dense<254.0> : tensor<64x64xf32>
    %w = arith.constant dense<127> : tensor<1x16x64x4xi8>
    %s = arith.constant dense<2.0> : tensor<64xf32>
    %e = tensor.empty() : tensor<8x64xf32>
    %r = linalg.generic {indexing_maps = [#one, #two], iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<8xindex>) outs(%e : tensor<8x64xf32>) {
    ^bb0(%id: index, %out: f32):
      %k = linalg.index 1 : index
      %v = tensor.extract %table[%id, %k] : tensor<64x64xf32>
      linalg.yield %v : f32
    } -> tensor<8x64xf32>
    %q, %t = seq.quantize %r : tensor<8x64xf32> -> tensor<8x64xi8>, tensor<8xf32>
    %y = seq.linear %q, %w scale(%s : tensor<64xf32>) input_scale(%t : tensor<8xf32>)
        : tensor<8x64xi8>, tensor<1x16x64x4xi8> -> tensor<8x64xf32>
    seq.yield %y : tensor<8x64xf32>
  }
}

// -----

#one = affine_map<(i, k) -> (i)>
#two = affine_map<(i, k) -> (i, k)>

// A table of its own: as it is, or as codes. f16 is widened either way.
// CHECK-LABEL: seq.program @alone
// F32: arith.constant dense<2.540000e+02> : tensor<64x64xf16>
// F32: arith.extf
// INT8: arith.constant dense<127> : tensor<64x64xi8>
// INT8: arith.constant dense<2.000000e+00> : tensor<64xf32>
// INT8: tensor.extract
// INT8-NEXT: arith.sitofp
seq.program @alone attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%ids: tensor<8xindex>) {
    %table = arith.constant dense<254.0> : tensor<64x64xf16>
    %e = tensor.empty() : tensor<8x64xf32>
    %r = linalg.generic {indexing_maps = [#one, #two], iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<8xindex>) outs(%e : tensor<8x64xf32>) {
    ^bb0(%id: index, %out: f32):
      %k = linalg.index 1 : index
      %v = tensor.extract %table[%id, %k] : tensor<64x64xf16>
      %x = arith.extf %v : f16 to f32
      linalg.yield %x : f32
    } -> tensor<8x64xf32>
    seq.yield %r : tensor<8x64xf32>
  }
}

// -----

#one = affine_map<(i, k) -> (i)>
#two = affine_map<(i, k) -> (i, k)>

// A precision chosen for the table itself: a layer of the same elements in another precision does not do.
// CHECK-LABEL: seq.program @chosen
// CHECK: arith.constant dense<2.546880e+00> : tensor<64x64xbf16>
// CHECK: tensor.extract %{{.*}} : tensor<64x64xbf16>
// CHECK-NEXT: arith.extf
seq.program @chosen attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%ids: tensor<8xindex>) {
    %table = arith.constant dense<2.54> : tensor<64x64xf32>
    %w = arith.constant dense<2.54> : tensor<1x64x64x1xf32>
    %e = tensor.empty() : tensor<8x64xf32>
    %r = linalg.generic {indexing_maps = [#one, #two], iterator_types = ["parallel", "parallel"]}
        ins(%ids : tensor<8xindex>) outs(%e : tensor<8x64xf32>) {
    ^bb0(%id: index, %out: f32):
      %k = linalg.index 1 : index
      %v = tensor.extract %table[%id, %k] {seq.precision = "bf16"} : tensor<64x64xf32>
      linalg.yield %v : f32
    } -> tensor<8x64xf32>
    %y = seq.linear %r, %w : tensor<8x64xf32>, tensor<1x64x64x1xf32> -> tensor<8x64xf32>
    seq.yield %y : tensor<8x64xf32>
  }
}
