// A convolution over time is a packed contraction: register tiles of multiply-adds, whatever the stride.
// RUN: kernel-bench %s --target x86-64-v4 --assembly | %python %S/Inputs/loops.py | FileCheck %s
// RUN: kernel-bench %s --target x86-64 --assembly | %python %S/Inputs/loops.py | FileCheck %s --check-prefix=V3

// CHECK: _packed{{.*}}: 24 multiply-adds of 16{{$}}
// V3: _packed{{.*}}: 12 multiply-adds of 8{{$}}
func.func @conv2(%x: tensor<1x384x3000xf32>, %w: tensor<384x384x3xf32>, %b: tensor<384xf32>) -> tensor<1x384x1500xf32> {
  %c = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 1] high[0, 0, 1] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %c : f32
  } : tensor<1x384x3000xf32> to tensor<1x384x3002xf32>
  %e = tensor.empty() : tensor<1x384x1500xf32>
  %z = linalg.generic {
      indexing_maps = [affine_map<(d0, d1, d2) -> (d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%b : tensor<384xf32>) outs(%e : tensor<1x384x1500xf32>) {
  ^bb0(%i: f32, %o: f32):
    linalg.yield %i : f32
  } -> tensor<1x384x1500xf32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(n, o, t, c, k) -> (n, c, 2 * t + k)>, affine_map<(n, o, t, c, k) -> (o, c, k)>, affine_map<(n, o, t, c, k) -> (n, o, t)>], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%p, %w : tensor<1x384x3002xf32>, tensor<384x384x3xf32>) outs(%z : tensor<1x384x1500xf32>) {
  ^bb0(%a: f32, %v: f32, %o: f32):
    %m = arith.mulf %a, %v : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<1x384x1500xf32>
  return %r : tensor<1x384x1500xf32>
}
