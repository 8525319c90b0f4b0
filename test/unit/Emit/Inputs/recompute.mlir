// A step that reads its whole text: logits are the mean of the text's embeddings plus the sum of the source's rows. The
// mean looks ahead, so nothing can be kept between steps.
module attributes {halyard.name = "mean"} {
  seq.program @model attributes {max_source = 6 : i64, max_target = 5 : i64, max_rows = 3 : i64, slots = 2 : i64} {
    seq.cross @sum : tensor<1x2xf32>
    seq.encode(%source: tensor<1x?x2xf32>) {
      seq.yield %source : tensor<1x?x2xf32>
    }
    seq.bind(%memory: tensor<1x?x2xf32>) {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<1x2xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x2xf32>) -> tensor<1x2xf32>
      %sum = linalg.generic {indexing_maps = [affine_map<(b, f, i) -> (b, i, f)>, affine_map<(b, f, i) -> (b, f)>],
                             iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%memory : tensor<1x?x2xf32>) outs(%init : tensor<1x2xf32>) {
      ^bb0(%a: f32, %c: f32):
        %q = arith.addf %a, %c : f32
        linalg.yield %q : f32
      } -> tensor<1x2xf32>
      seq.store @sum, %sum : tensor<1x2xf32>
      seq.yield
    }
    seq.step(%tokens: tensor<1x?xi64>) attributes {mode = 1 : i32} {
      %table = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]> : tensor<3x2xf32>
      %t = seq.length target : index
      %n = arith.index_cast %t : index to i64
      %zero = arith.constant 0.0 : f32
      %row = tensor.empty() : tensor<1x2xf32>
      %init = linalg.fill ins(%zero : f32) outs(%row : tensor<1x2xf32>) -> tensor<1x2xf32>
      %total = linalg.generic {indexing_maps = [affine_map<(b, f, i) -> (b, i)>, affine_map<(b, f, i) -> (b, f)>],
                               iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%tokens : tensor<1x?xi64>) outs(%init : tensor<1x2xf32>) {
      ^bb0(%id: i64, %c: f32):
        %entry = arith.index_cast %id : i64 to index
        %f = linalg.index 1 : index
        %e = tensor.extract %table[%entry, %f] : tensor<3x2xf32>
        %count = arith.sitofp %n : i64 to f32
        %part = arith.divf %e, %count : f32
        %q = arith.addf %part, %c : f32
        linalg.yield %q : f32
      } -> tensor<1x2xf32>
      %sum = seq.load @sum : tensor<1x2xf32>
      %empty = tensor.empty(%t) : tensor<1x?x2xf32>
      %logits = linalg.generic {indexing_maps = [affine_map<(b, i, f) -> (b, f)>, affine_map<(b, i, f) -> (b, f)>, affine_map<(b, i, f) -> (b, i, f)>],
                                iterator_types = ["parallel", "parallel", "parallel"]}
          ins(%total, %sum : tensor<1x2xf32>, tensor<1x2xf32>) outs(%empty : tensor<1x?x2xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %q = arith.addf %a, %b : f32
        linalg.yield %q : f32
      } -> tensor<1x?x2xf32>
      seq.yield %logits : tensor<1x?x2xf32>
    }
  }
}
