// Embedding, self-attention, cross-attention and a tied head, four features wide: what ArtifactTest.cpp computes by hand.
module attributes {halyard.name = "tiny"} {
  seq.program @model attributes {max_source = 16 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64,
                                   source_vocabulary = 3 : i64} {
    seq.state @self.0.k : tensor<?x4xf32>
    seq.state @self.0.v : tensor<?x4xf32>
    seq.cross @cross.0.k : tensor<?x4xf32>
    seq.cross @cross.0.v : tensor<?x4xf32>
    seq.encode(%source: tensor<1x?xi64>) {
      %table = arith.constant dense<[[1.0, 0.0, 0.0, 2.0], [0.0, 1.0, 0.5, 0.0], [0.0, 0.5, 1.0, -1.0]]> : tensor<3x4xf32>
      %s = seq.length source : index
      %empty = tensor.empty(%s) : tensor<1x?x4xf32>
      %x = linalg.generic {indexing_maps = [affine_map<(b, i, f) -> (b, i)>, affine_map<(b, i, f) -> (b, i, f)>],
                           iterator_types = ["parallel", "parallel", "parallel"]}
          ins(%source : tensor<1x?xi64>) outs(%empty : tensor<1x?x4xf32>) {
      ^bb0(%id: i64, %out: f32):
        %row = arith.index_cast %id : i64 to index
        %f = linalg.index 2 : index
        %e = tensor.extract %table[%row, %f] : tensor<3x4xf32>
        linalg.yield %e : f32
      } -> tensor<1x?x4xf32>
      seq.yield %x : tensor<1x?x4xf32>
    }
    seq.bind(%memory: tensor<1x?x4xf32>) {
      %s = seq.length source : index
      %wk = arith.constant dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 1.0]]> : tensor<4x4xf32>
      %bk = arith.constant dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>
      %rows = tensor.collapse_shape %memory [[0, 1], [2]] : tensor<1x?x4xf32> into tensor<?x4xf32>
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty(%s) : tensor<?x4xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
      %mm = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
                           iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%rows, %wk : tensor<?x4xf32>, tensor<4x4xf32>) outs(%init : tensor<?x4xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %p = arith.mulf %a, %b : f32
        %q = arith.addf %c, %p : f32
        linalg.yield %q : f32
      } -> tensor<?x4xf32>
      %k = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
                           iterator_types = ["parallel", "parallel"]}
          ins(%mm, %bk : tensor<?x4xf32>, tensor<4xf32>) outs(%empty : tensor<?x4xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %q = arith.addf %a, %b : f32
        linalg.yield %q : f32
      } -> tensor<?x4xf32>
      seq.store @cross.0.k, %k : tensor<?x4xf32>
      seq.store @cross.0.v, %rows : tensor<?x4xf32>
      seq.yield
    }
    seq.step(%tokens: tensor<?xi64>, %slot: tensor<?xi32>, %position: tensor<?xi32>) {
      %table = arith.constant dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<5x4xf32>
      %t = seq.length target : index
      %empty = tensor.empty(%t) : tensor<?x4xf32>
      %x = linalg.generic {indexing_maps = [affine_map<(i, f) -> (i)>, affine_map<(i, f) -> (i, f)>],
                           iterator_types = ["parallel", "parallel"]}
          ins(%tokens : tensor<?xi64>) outs(%empty : tensor<?x4xf32>) {
      ^bb0(%id: i64, %out: f32):
        %row = arith.index_cast %id : i64 to index
        %f = linalg.index 1 : index
        %e = tensor.extract %table[%row, %f] : tensor<5x4xf32>
        linalg.yield %e : f32
      } -> tensor<?x4xf32>
      %sk = seq.cache_append @self.0.k, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
      %sv = seq.cache_append @self.0.v, %x rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) : tensor<?x4xf32> -> !seq.cache<8, 4, f32>
      %a = seq.attention %x, %sk, %sv rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) {heads = 2, kv_heads = 2, scale = 1.0 : f64, causal}
         : tensor<?x4xf32>, !seq.cache<8, 4, f32>, !seq.cache<8, 4, f32> -> tensor<?x4xf32>
      %ck = seq.load @cross.0.k : !seq.cache<16, 4, f32>
      %cv = seq.load @cross.0.v : !seq.cache<16, 4, f32>
      %b = seq.attention %a, %ck, %cv rows(%slot, %position : tensor<?xi32>, tensor<?xi32>) {heads = 2, kv_heads = 2, scale = 1.0 : f64}
         : tensor<?x4xf32>, !seq.cache<16, 4, f32>, !seq.cache<16, 4, f32> -> tensor<?x4xf32>
      %zero = arith.constant 0.0 : f32
      %le = tensor.empty(%t) : tensor<?x5xf32>
      %init = linalg.fill ins(%zero : f32) outs(%le : tensor<?x5xf32>) -> tensor<?x5xf32>
      %logits = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>],
                           iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%b, %table : tensor<?x4xf32>, tensor<5x4xf32>) outs(%init : tensor<?x5xf32>) {
      ^bb0(%p: f32, %q: f32, %c: f32):
        %m = arith.mulf %p, %q : f32
        %n = arith.addf %c, %m : f32
        linalg.yield %n : f32
      } -> tensor<?x5xf32>
      seq.yield %logits : tensor<?x5xf32>
    }
  }
}
