// RUN: halyard-opt %s --split-input-file --verify-diagnostics

// Caches of codes, with their scales and in blocks.
func.func @codes(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, i8, <2 x 32, feature_pairs>>,
                 %v: !seq.cache<20, 8, i8, <2 x 32, row_pairs>>, %s: !seq.cache<20, 2, f32, <2 x 32, rows>>,
                 %i: tensor<?xi32>) -> tensor<?x8xf32> {
  %o = seq.attention %q, %k, %v scales(%s, %s : !seq.cache<20, 2, f32, <2 x 32, rows>>, !seq.cache<20, 2, f32, <2 x 32, rows>>)
      rows(%i, %i : tensor<?xi32>, tensor<?xi32>) {causal, heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, i8, <2 x 32, feature_pairs>>, !seq.cache<20, 8, i8, <2 x 32, row_pairs>> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

func.func @noScales(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, i8>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{'seq.attention' op has scales exactly for caches of codes, got '!seq.cache<20, 8, i8>'}}
  %o = seq.attention %q, %k, %k rows(%i, %i : tensor<?xi32>, tensor<?xi32>)
      {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, i8>, !seq.cache<20, 8, i8> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

func.func @scalesOfOneHead(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, i8>, %s: !seq.cache<20, 1, f32>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{'seq.attention' op takes an f32 scale for each row and key/value head of '!seq.cache<20, 8, i8>', got '!seq.cache<20, 1, f32>'}}
  %o = seq.attention %q, %k, %k scales(%s, %s : !seq.cache<20, 1, f32>, !seq.cache<20, 1, f32>)
      rows(%i, %i : tensor<?xi32>, tensor<?xi32>) {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, i8>, !seq.cache<20, 8, i8> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

func.func @someBlocks(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, f32, <2 x 32, rows>>, %v: !seq.cache<20, 8, f32>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{'seq.attention' op reads caches of which all or none have blocks, got}}
  %o = seq.attention %q, %k, %v rows(%i, %i : tensor<?xi32>, tensor<?xi32>)
      {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, f32, <2 x 32, rows>>, !seq.cache<20, 8, f32> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

func.func @otherHeads(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, f32, <4 x 32, rows>>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{'seq.attention' op reads blocks of its 2 key/value heads, got}}
  %o = seq.attention %q, %k, %k rows(%i, %i : tensor<?xi32>, tensor<?xi32>)
      {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, f32, <4 x 32, rows>>, !seq.cache<20, 8, f32, <4 x 32, rows>> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

func.func @pairsOfFloats(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, f32, <2 x 32, row_pairs>>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{'seq.attention' op reads pairs of codes only, got}}
  %o = seq.attention %q, %k, %k rows(%i, %i : tensor<?xi32>, tensor<?xi32>)
      {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, f32, <2 x 32, row_pairs>>, !seq.cache<20, 8, f32, <2 x 32, row_pairs>> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

func.func @codesInRows(%q: tensor<?x8xf32>, %k: !seq.cache<20, 8, i8, <2 x 32, rows>>, %s: !seq.cache<20, 2, f32, <2 x 32, rows>>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{'seq.attention' op reads blocks of codes as feature_pairs, got}}
  %o = seq.attention %q, %k, %k scales(%s, %s : !seq.cache<20, 2, f32, <2 x 32, rows>>, !seq.cache<20, 2, f32, <2 x 32, rows>>)
      rows(%i, %i : tensor<?xi32>, tensor<?xi32>) {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : tensor<?x8xf32>, !seq.cache<20, 8, i8, <2 x 32, rows>>, !seq.cache<20, 8, i8, <2 x 32, rows>> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// expected-error @below {{blocks hold a multiple of 16 rows, got 20 of 2 heads}}
// expected-error @below {{failed to parse Seq_CacheType parameter 'blocks'}}
func.func private @rowsOfBlocks(!seq.cache<20, 8, f32, <2 x 20, rows>>)

// -----

// expected-error @below {{a cache has 8 features for 3 heads}}
func.func private @headsOfBlocks(!seq.cache<20, 8, f32, <3 x 16, rows>>)

// -----

// expected-error @below {{features are paired in a cache of 3 features a head}}
func.func private @oddHeads(!seq.cache<20, 6, i8, <2 x 16, feature_pairs>>)
