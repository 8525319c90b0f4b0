// arith, math, affine and cast operations on scalars as Halide expressions.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_SCALAROPS_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_SCALAROPS_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"
#include "targets/Common/LinalgToHalide/TensorView.h"

namespace halyard::kernels {

/// The single result of `op` for operands in compute type; an undefined Expr if the operation is not known.
/// Integer division truncates or floors as arith says and yields 0 for a divisor of 0.
Halide::Expr translateScalarOp(mlir::Operation *op, ExprsRef operands, Precision precision);

/// Parts of the above, by family.
Halide::Expr translateIntegerOp(mlir::Operation *op, ExprsRef operands);
Halide::Expr translateFloatOp(mlir::Operation *op, ExprsRef operands, Precision precision);
Halide::Expr translateCastOp(mlir::Operation *op, ExprsRef operands);
Halide::Expr translateMathOp(mlir::Operation *op, ExprsRef operands, Precision precision);

/// A scalar constant in compute type; undefined if the attribute is neither an integer nor a float.
Halide::Expr translateConstant(mlir::Attribute value, mlir::Type type);

/// An affine expression over 32-bit dimensions and symbols.
Halide::Expr translateAffine(mlir::AffineExpr expr, ExprsRef dims, ExprsRef symbols);

/// The nearest whole number, the even one of two, by two additions: for numbers of less than 2^22.
Halide::Expr nearestWhole(Halide::Expr x);

/// The same as an integer, by one addition: in the lower 16 bits of the result, for numbers that they hold.
Halide::Expr nearestCode(Halide::Expr x);

/// What remains of a float without its first eight binary digits, those of the bf16 in its upper half. Exact.
Halide::Expr withoutBfloat(Halide::Expr x);

/// tanh in float32 as a quotient of polynomials, within a few units in the last place.
Halide::Expr rationalTanh(Halide::Expr x);

/// Two to the power of a number that is not positive, to about one unit in the last place down to 2^-126;
/// something smaller below, and zero from -127 on. Less than half of what Halide's exponential takes.
Halide::Expr negativePowerOfTwo(Halide::Expr x);

/// The same to 3e-6, for what becomes a code.
Halide::Expr roughNegativePowerOfTwo(Halide::Expr x);

/// The same to 7e-4, for what is cut off after the 8 bits of a bf16: what that loses on average is added.
/// Never less than 2^-125.
Halide::Expr bfloatNegativePowerOfTwo(Halide::Expr x);

} // namespace halyard::kernels

#endif
