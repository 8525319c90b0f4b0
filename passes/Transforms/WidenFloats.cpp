// widen-floats: floats of 16 bits become f32.
//
// Files of f16 or bf16 are written for machines that compute in it. What is computed in here is chosen later,
// layer by layer, and everything between import and that choice knows one type of floats: so values are
// widened, which loses nothing, and conversions between them have nothing left to do. Tensors of weights stay
// as they are stored and are converted where they are read, as in files that store them so by themselves.
// Where a file rounds values to 16 bits in between, more digits are kept. ONNX Runtime computes such files
// likewise on processors, which shows where a rounded value would choose between two elements, as T5's
// buckets of distances are chosen: of constants that were rounded, but in f32.
#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Transforms/LinearLayer.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_WIDENFLOATS
#include "passes/Transforms/Passes.h.inc"

namespace {

bool isNarrow(Type type) { return type.isF16() || type.isBF16(); }

struct WidenFloats : impl::WidenFloatsBase<WidenFloats> {
  void runOnOperation() override {
    Type wide = Float32Type::get(&getContext());
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](FloatType type) -> std::optional<Type> {
      return isNarrow(type) ? std::optional<Type>(wide) : std::nullopt;
    });
    // Elements are not parts of an attribute that it would replace by itself.
    replacer.addReplacement([&](ElementsAttr elements) -> std::optional<std::pair<Attribute, WalkResult>> {
      Attribute result = isNarrow(elements.getElementType()) && elements.getNumElements() == 1
                             ? toAttribute(asFloats(elements))
                             : elements;
      return std::pair(result, WalkResult::skip());
    });
    replacer.addReplacement([&](FloatAttr number) -> std::optional<std::pair<Attribute, WalkResult>> {
      Attribute result =
          isNarrow(number.getType()) ? FloatAttr::get(wide, number.getValueAsDouble()) : number;
      return std::pair(result, WalkResult::skip());
    });
    replacer.recursivelyReplaceElementsIn(getOperation(), /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    getOperation().walk(convertWeight);
  }

  /// A constant whose elements were left gets their type back, and its readers a conversion.
  static void convertWeight(onnx::ConstantOp constant) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    if (!elements || !isNarrow(elements.getElementType()))
      return;
    Value weight = constant.getResult();
    OpBuilder builder(constant->getContext());
    builder.setInsertionPointAfter(constant);
    auto wide = onnx::CastOp::create(builder, constant.getLoc(), weight.getType(), weight,
                                     TypeAttr::get(builder.getF32Type()));
    weight.replaceAllUsesExcept(wide->getResult(0), wide);
    weight.setType(elements.getShapedType());
  }
};

} // namespace
} // namespace halyard
