// RUN: halyard-opt %s --pass-pipeline="builtin.module(seq.program(split-sums{target=cortex-m55+ethos-u55-128}))" -verify-diagnostics

// A program of which an NPU would compute nothing.
// expected-error @below {{has no linear layers of int8 weights, and ethos-u55-128 computes no others: compile with --weights int8, or for a target without it}}
seq.program @model attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 2 : i64, slots = 1 : i64} {
  seq.encode(%rows: tensor<?x24xf32>) {
    %u = arith.constant dense<0.5> : tensor<10x24x4x1xf32>
    %c = seq.linear %rows, %u : tensor<?x24xf32>, tensor<10x24x4x1xf32> -> tensor<?x40xf32>
    seq.yield %c : tensor<?x40xf32>
  }
}
