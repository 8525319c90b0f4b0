// Linear layers over packed weights: their form, and what the verifier refuses.
// RUN: halyard-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @floats
// CHECK: seq.linear %{{.*}}, %{{.*}} : tensor<?x510xf32>, tensor<2x510x64x1xf32> -> tensor<?x100xf32>
func.func @floats(%x: tensor<?x510xf32>, %w: tensor<2x510x64x1xf32>) -> tensor<?x100xf32> {
  %y = seq.linear %x, %w : tensor<?x510xf32>, tensor<2x510x64x1xf32> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// CHECK-LABEL: func.func @codes
// CHECK: %[[C:.*]], %[[S:.*]] = seq.quantize %{{.*}} {zero_point = 128 : i64}
// CHECK: seq.linear %[[C]], %{{.*}} scale(%{{.*}}) input_scale(%[[S]] : tensor<?xf32>) column_sums(%{{.*}})
func.func @codes(%x: tensor<?x510xf32>, %w: tensor<2x128x64x4xi8>, %s: tensor<100xf32>, %c: tensor<100xi32>)
    -> tensor<?x100xf32> {
  %q, %t = seq.quantize %x {zero_point = 128} : tensor<?x510xf32> -> tensor<?x512xui8>, tensor<?xf32>
  %y = seq.linear %q, %w scale(%s : tensor<100xf32>) input_scale(%t : tensor<?xf32>)
      column_sums(%c : tensor<100xi32>) {zero_point = 128}
      : tensor<?x512xui8>, tensor<2x128x64x4xi8> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// CHECK-LABEL: func.func @tiles
// CHECK: seq.linear %{{.*}}, %{{.*}} {tiles} : tensor<?x512xbf16>
func.func @tiles(%x: tensor<?x512xbf16>, %w: tensor<2x256x64x2xbf16>) -> tensor<?x100xf32> {
  %y = seq.linear %x, %w {tiles} : tensor<?x512xbf16>, tensor<2x256x64x2xbf16> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// CHECK-LABEL: func.func @parts
// CHECK: %[[P:.*]] = seq.split %{{.*}} : tensor<?x510xf32> -> tensor<?x1632xbf16>
// CHECK: seq.linear %{{.*}}, %{{.*}} parts(%[[P]] : tensor<?x1632xbf16>) : tensor<?x510xf32>
func.func @parts(%x: tensor<?x510xf32>, %w: tensor<2x510x64x1xf32>) -> tensor<?x100xf32> {
  %p = seq.split %x : tensor<?x510xf32> -> tensor<?x1632xbf16>
  %y = seq.linear %x, %w parts(%p : tensor<?x1632xbf16>) : tensor<?x510xf32>, tensor<2x510x64x1xf32> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// CHECK-LABEL: func.func @groups
// CHECK: seq.linear {{.*}} {group = 64 : i64, zero_point = 128 : i64}
func.func @groups(%q: tensor<?x512xui8>, %t: tensor<?xf32>, %w: tensor<2x64x64x4xi8>, %s: tensor<2x8x64xf32>,
                  %c: tensor<100xf32>) -> tensor<?x100xf32> {
  %y = seq.linear %q, %w scale(%s : tensor<2x8x64xf32>) input_scale(%t : tensor<?xf32>)
      column_sums(%c : tensor<100xf32>) {zero_point = 128, group = 64}
      : tensor<?x512xui8>, tensor<2x64x64x4xi8> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// -----

func.func @scalesOfGroups(%q: tensor<?x512xi8>, %t: tensor<?xf32>, %w: tensor<2x64x64x4xi8>,
                          %s: tensor<2x4x64xf32>) -> tensor<?x100xf32> {
  // expected-error @below {{'seq.linear' op has scales packed as panels x groups x columns, got 'tensor<2x4x64xf32>'}}
  %y = seq.linear %q, %w scale(%s : tensor<2x4x64xf32>) input_scale(%t : tensor<?xf32>) {group = 64}
      : tensor<?x512xi8>, tensor<2x64x64x4xi8> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// -----

func.func @terms(%x: tensor<?x512xf32>, %w: tensor<2x510x64x1xf32>) -> tensor<?x100xf32> {
  // expected-error @below {{'seq.linear' op multiplies rows of 512 with a weight of 510 terms}}
  %y = seq.linear %x, %w : tensor<?x512xf32>, tensor<2x510x64x1xf32> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// -----

func.func @columns(%x: tensor<?x510xf32>, %w: tensor<2x510x64x1xf32>) -> tensor<?x200xf32> {
  // expected-error @below {{'seq.linear' op gives 200 columns from 2 panels of 64}}
  %y = seq.linear %x, %w : tensor<?x510xf32>, tensor<2x510x64x1xf32> -> tensor<?x200xf32>
  return %y : tensor<?x200xf32>
}

// -----

func.func @noScale(%x: tensor<?x512xi8>, %w: tensor<2x128x64x4xi8>, %s: tensor<100xf32>) -> tensor<?x100xf32> {
  // expected-error @below {{'seq.linear' op has scales exactly for codes}}
  %y = seq.linear %x, %w scale(%s : tensor<100xf32>) : tensor<?x512xi8>, tensor<2x128x64x4xi8> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// -----

func.func @sums(%x: tensor<?x512xi8>, %w: tensor<2x128x64x4xi8>) -> tensor<?x100xf32> {
  // expected-error @below {{'seq.linear' op gives sums of codes as i32, got 'f32'}}
  %y = seq.linear %x, %w : tensor<?x512xi8>, tensor<2x128x64x4xi8> -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

// -----

func.func @sign(%x: tensor<?x512xf32>) -> tensor<?x512xi8> {
  // expected-error @below {{'seq.quantize' op gives unsigned codes exactly with a zero point, got 'i8' and 128}}
  %q, %s = seq.quantize %x {zero_point = 128} : tensor<?x512xf32> -> tensor<?x512xi8>, tensor<?xf32>
  return %q : tensor<?x512xi8>
}

// -----

func.func @tiles_of_floats(%x: tensor<?x64xf32>, %w: tensor<1x64x64x1xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{has an order of tiles for bf16, got 'f32'}}
  %y = seq.linear %x, %w {tiles} : tensor<?x64xf32>, tensor<1x64x64x1xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

func.func @width_of_parts(%x: tensor<?x512xf32>) -> tensor<?x1536xbf16> {
  // expected-error @below {{'seq.split' op gives rows of 1632 for 512 features, got 1536}}
  %p = seq.split %x : tensor<?x512xf32> -> tensor<?x1536xbf16>
  return %p : tensor<?x1536xbf16>
}

// -----

func.func @parts_of_others(%x: tensor<?x64xf32>, %p: tensor<?x96xbf16>, %w: tensor<1x64x64x1xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{'seq.linear' op has parts of an input of f32, got 'tensor<?x96xbf16>' of 'tensor<?x64xf32>'}}
  %y = seq.linear %x, %w parts(%p : tensor<?x96xbf16>) : tensor<?x64xf32>, tensor<1x64x64x1xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

func.func @unsigned_bytes(%x: tensor<?x64xi8>, %w: tensor<1x16x64x4xui8>, %s: tensor<64xf32>, %t: tensor<?xf32>)
    -> tensor<?x64xf32> {
  // expected-error @below {{has unsigned codes of 4 bits only, got 'tensor<1x16x64x4xui8>'}}
  %y = seq.linear %x, %w scale(%s : tensor<64xf32>) input_scale(%t : tensor<?xf32>)
    : tensor<?x64xi8>, tensor<1x16x64x4xui8> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

func.func @narrow_pairs_of_floats(%x: tensor<?x64xf32>, %w: tensor<1x64x64x1xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{has narrow pairs of codes of 8 bits, got floats}}
  %y = seq.linear %x, %w {narrow_pairs} : tensor<?x64xf32>, tensor<1x64x64x1xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
