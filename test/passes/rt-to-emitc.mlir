// RUN: halyard-opt %s --rt-to-emitc | FileCheck %s
// RUN: halyard-opt %s --rt-to-emitc | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=CPP

// CPP: #include "halyard/generated.h"
// CPP-NEXT: extern "C" int32_t kernel_0(halyard_buffer &, int32_t, halyard_buffer &);
rt.program @t5 attributes {max_source = 8 : i64, max_target = 8 : i64, max_rows = 4 : i64, slots = 2 : i64, vocabulary = 4 : i64,
    memory_features = 4 : i64, source_type = tensor<1x?xi64>, source_name = "ids", source_vocabulary = 4 : i64, header_bytes = 128 : i64,
    arena_bytes = 640 : i64, weights_bytes = 128 : i64} {
  rt.constant @weight_0 at 64 : dense<1> : tensor<3x4xi8>
  rt.region @self.0.k at 128 : memref<2x8x4xf32>
  func.func private @kernel_0(%a: tensor<?x8xf32>, %n: index) -> tensor<?x8xf32>
  // CPP-NEXT: static int32_t memory_rows(int32_t [[S:v[0-9]+]]) {
  // CPP-NEXT: int32_t [[HALF:v[0-9]+]] = halyard::rt::floorDiv([[S]], 2);
  // CPP-NEXT: int32_t [[ROWS:v[0-9]+]] = [[HALF]] + 1;
  // CPP-NEXT: return [[ROWS]];
  func.func @memory_rows(%length: index) -> index {
    %rows = affine.apply affine_map<()[s] -> (s floordiv 2 + 1)>()[%length]
    return %rows : index
  }
  // CPP: static int32_t step(void* [[ARENA:v[0-9]+]], const void* [[WEIGHTS:v[0-9]+]], int32_t [[N:v[0-9]+]], const void* [[IDS:v[0-9]+]]) {
  func.func @step(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %rows: index, %ids: !rt.pointer {rt.readonly}) {
    // CHECK: call_opaque "halyard::rt::buffer"(%{{.*}}, %{{.*}}) {args = [0 : index, 384, 1 : index, 8], template_args = [#emitc.opaque<"float">]}
    // CPP-NEXT: halyard::rt::Tensor<2> [[A:v[0-9]+]] = halyard::rt::buffer<float>([[ARENA]], 384, [[N]], 8);
    %a = rt.buffer %arena at 384 (%rows) : memref<?x8xf32>
    // CPP-NEXT: halyard::rt::Tensor<2> [[B:v[0-9]+]] = halyard::rt::buffer<float>([[ARENA]], 512, [[N]], 8);
    %b = rt.buffer %arena at 512 (%rows) : memref<?x8xf32>
    // CPP-NEXT: halyard::rt::buffer<int8_t>([[WEIGHTS]], 64, 3, 4);
    %w = rt.weight @weight_0 in %weights : memref<3x4xi8>
    // CHECK: verbatim "if (int32_t status = HALYARD_KERNEL(kernel_0)({}, {}, {})) return status;"
    // CPP-NEXT: if (int32_t status = HALYARD_KERNEL(kernel_0)([[A]], [[N]], [[B]])) return status;
    rt.kernel_call @kernel_0(%a, %rows, %b) : memref<?x8xf32>, index, memref<?x8xf32>
    // CPP-NEXT: halyard::rt::Tensor<3> [[CACHE:v[0-9]+]] = halyard::rt::buffer<float>([[ARENA]], 128, 2, 8, 4);
    %cache = rt.arena @self.0.k in %arena : memref<2x8x4xf32>
    // CPP-NEXT: halyard::rt::Tensor<1> [[LIST:v[0-9]+]] = halyard::rt::tensor<int32_t>([[IDS]], [[N]]);
    %list = rt.host %ids (%rows) : memref<?xi32>
    %c1 = arith.constant 1 : index
    %c0 = arith.constant 0 : index
    // CPP: for (int32_t [[ROW:[a-z][0-9]+]] = {{.*}}; [[ROW]] < [[N]];
    scf.for %row = %c0 to %rows step %c1 {
      // CPP-NEXT: int32_t [[SLOT:v[0-9]+]] = halyard::rt::read([[LIST]], [[ROW]]);
      %slot = rt.read %list[%row] : memref<?xi32>
      // CPP-NEXT: halyard::rt::Tensor<2> [[BLOCK:v[0-9]+]] = halyard::rt::slot<float>([[CACHE]], [[SLOT]], 8, 4);
      %block = rt.slot %cache[%slot] : memref<2x8x4xf32> -> memref<8x4xf32>
      // CPP-NEXT: halyard::rt::Tensor<1> [[PART:v[0-9]+]] = halyard::rt::view<float>([[BLOCK]], [[SLOT]], 4);
      %part = rt.view %block from %slot : memref<8x4xf32> -> memref<4xf32>
      // CPP-NEXT: halyard::rt::view<float>([[BLOCK]], 0, 4);
      %other = rt.view %block : memref<8x4xf32> -> memref<4xf32>
      // CPP-NEXT: halyard::rt::copy(
      rt.copy %part to %other : memref<4xf32> to memref<4xf32>
    }
    // CPP: halyard::rt::appendRows([[A]], [[CACHE]], [[LIST]], [[LIST]]);
    rt.append_rows %a to %cache rows(%list, %list) : memref<?x8xf32> to memref<2x8x4xf32>, memref<?xi32>, memref<?xi32>
    // CPP-NEXT: HALYARD_STAGE(bind);
    rt.stage "bind"
    %gathered = rt.buffer %arena at 1024 (%rows) : memref<?x8x4xf32>
    // CPP: halyard::rt::gatherSlots([[CACHE]], [[LIST]], {{v[0-9]+}});
    rt.gather_slots %cache rows(%list) to %gathered : memref<2x8x4xf32>, memref<?xi32> to memref<?x8x4xf32>
    // CPP-NEXT: return 0;
    return
  }
  // CPP: static int32_t encode(void* {{v[0-9]+}}, const void* {{v[0-9]+}}, int32_t [[COUNT:v[0-9]+]], const void* [[SOURCES:v[0-9]+]]) {
  func.func @encode(%arena: !rt.pointer, %weights: !rt.pointer {rt.readonly}, %count: index, %sources: !rt.pointer {rt.readonly}) {
    // CPP-NEXT: int32_t [[ALL:v[0-9]+]] = halyard::rt::sourceBegin([[SOURCES]], [[COUNT]]);
    %all = rt.source_begin %sources[%count]
    %c0 = arith.constant 0 : index
    // CPP: int32_t [[SLOT:v[0-9]+]] = halyard::rt::sourceSlot([[SOURCES]], 0);
    %slot = rt.source_slot %sources[%c0]
    // CPP: int32_t [[LENGTH:v[0-9]+]] = halyard::rt::sourceLength([[SOURCES]], 0);
    %length = rt.source_length %sources[%c0]
    // CPP: const void* [[DATA:v[0-9]+]] = halyard::rt::sourceData([[SOURCES]], 0);
    %data = rt.source_data %sources[%c0]
    // CPP: const void* [[MASK:v[0-9]+]] = halyard::rt::sourceMask([[SOURCES]], 0);
    %mask = rt.source_mask %sources[%c0]
    // CPP: void* [[MEMORY:v[0-9]+]] = halyard::rt::sourceMemory([[SOURCES]], 0);
    %memory = rt.source_memory %sources[%c0]
    // CPP: halyard::rt::tensor<float>([[MEMORY]], [[ALL]]);
    %out = rt.host %memory (%all) : memref<?xf32>
    return
  }
}
