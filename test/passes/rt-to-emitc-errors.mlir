// RUN: halyard-opt %s --rt-to-emitc --verify-diagnostics

// expected-error @below {{has buffers or weights that are not placed: plan-arena and place-weights come first}}
rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64} {
}
