// RUN: halyard-opt %s --seq-to-rt --split-input-file --verify-diagnostics

// expected-error @below {{needs the stages encode, bind and step to become an artifact}}
seq.program @stages attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  seq.encode(%source: tensor<1x?x8xf32>) {
    seq.yield %source : tensor<1x?x8xf32>
  }
}

// -----

seq.program @rows attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  seq.encode(%source: tensor<1x?x8xf32>) {
    seq.yield %source : tensor<1x?x8xf32>
  }
  seq.bind(%memory: tensor<1x?x8xf32>) {
    seq.yield
  }
  // expected-error @below {{takes 1 inputs; expected tokens, slots and positions (tokens only in recompute mode)}}
  seq.step(%tokens: tensor<?xi64>) {
    %y = arith.constant dense<0.0> : tensor<2x4xf32>
    seq.yield %y : tensor<2x4xf32>
  }
}

// -----

seq.program @kernel attributes {max_source = 8 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  seq.encode(%source: tensor<1x?x8xf32>) {
    %c = arith.constant dense<0.0> : tensor<2x4xf32>
    // expected-error @below {{'tensor.concat' has no form at run time; it should be inside a kernel}}
    %d = tensor.concat dim(0) %c, %c : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
    seq.yield %d : tensor<4x4xf32>
  }
  seq.bind(%memory: tensor<4x4xf32>) {
    seq.yield
  }
  seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    %y = arith.constant dense<0.0> : tensor<2x4xf32>
    seq.yield %y : tensor<2x4xf32>
  }
}

// -----

// Part of a table that is as long as the source where the table is, which is no function of lengths.
seq.program @model attributes {max_source = 9 : i64, max_target = 4 : i64, max_rows = 2 : i64, slots = 3 : i64} {
  seq.encode(%source: tensor<?x4xf32>) {
    %s = seq.length source : index
    %table = arith.constant dense<1.0> : tensor<8x4xf32>
    %c8 = arith.constant 8 : index
    %n = arith.minsi %s, %c8 : index
    // expected-error @below {{'tensor.extract_slice' makes a tensor of type 'tensor<?x4xf32>' whose extents do not follow from the source and target lengths; they would for shorter ones (--max-source, --max-target), for which what it is part of is long enough}}
    %part = tensor.extract_slice %table[0, 0] [%n, 4] [1, 1] : tensor<8x4xf32> to tensor<?x4xf32>
    seq.yield %part : tensor<?x4xf32>
  }
  seq.bind(%memory: tensor<?x4xf32>) {
    seq.yield
  }
  seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
    seq.yield %tokens : tensor<?xi64>
  }
}
