// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{target=x86-64-v4-vnni}))" | FileCheck %s --check-prefixes=CHECK,DOTS
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{target=x86-64-v4-amx}))" | FileCheck %s --check-prefixes=CHECK,TILES
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{target=x86-64-v4-amx when=always}))" | FileCheck %s --check-prefixes=CHECK,ALWAYS
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{target=x86-64-v3}))" | FileCheck %s --check-prefix=PAIRS
// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(screen-head{target=x86-64-v2}))" | FileCheck %s --check-prefix=NEVER

// A large head of codes is screened for as many rows as codes of 4 bits are faster on the target, if for any.
// CHECK-LABEL: seq.program @unsigned
// DOTS: seq.screen({{.*}}) attributes {most_rows = 8 : i64} {
// TILES: seq.screen({{.*}}) attributes {most_rows = 7 : i64} {
// ALWAYS: seq.screen({{.*}}: tensor<?x32xf32>) {
// PAIRS-LABEL: seq.program @unsigned
// PAIRS: seq.screen({{.*}}) attributes {most_rows = 4 : i64} {
seq.program @unsigned attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %w = arith.constant dense<3> : tensor<512x8x64x4xi8>
    %scale = arith.constant dense<0.5> : tensor<32768xf32>
    %sums = arith.constant dense<96> : tensor<32768xi32>
    %codes, %scales = seq.quantize %x {zero_point = 128 : i64} : tensor<?x32xf32> -> tensor<?x32xui8>, tensor<?xf32>
    %l = seq.linear %codes, %w scale(%scale : tensor<32768xf32>) input_scale(%scales : tensor<?xf32>)
        column_sums(%sums : tensor<32768xi32>) {zero_point = 128 : i64}
        : tensor<?x32xui8>, tensor<512x8x64x4xi8> -> tensor<?x32768xf32>
    seq.yield %l : tensor<?x32768xf32>
  }
}

// NEVER-LABEL: seq.program @signed
// NEVER-NOT: seq.screen
seq.program @signed attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.step(%x: tensor<?x32xf32>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %w = arith.constant dense<3> : tensor<512x8x64x4xi8>
    %scale = arith.constant dense<0.5> : tensor<32768xf32>
    %codes, %scales = seq.quantize %x : tensor<?x32xf32> -> tensor<?x32xi8>, tensor<?xf32>
    %l = seq.linear %codes, %w scale(%scale : tensor<32768xf32>) input_scale(%scales : tensor<?xf32>)
        : tensor<?x32xi8>, tensor<512x8x64x4xi8> -> tensor<?x32768xf32>
    seq.yield %l : tensor<?x32768xf32>
  }
}
