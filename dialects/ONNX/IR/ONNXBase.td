// The onnx dialect: what an ONNX file said, one operation per operator. This file holds what the families share: the
// dialect, the interface that gives result element types, type constraints and attribute shorthands.
#ifndef HALYARD_ONNX_BASE
#define HALYARD_ONNX_BASE

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::halyard::onnx";
  let summary = "what an ONNX file said, one operation per operator";
  let description = [{
    Every operation is an ONNX operator in the form of the newest operator set (axes as inputs, and so on); the importer
    brings older forms to it. Operators of the `com.microsoft` domain are `onnx.ms.NAME`. Attributes keep their ONNX
    names and defaults: ints are `array<i64: ..>`, an int is `i64`, a float `f32`, a tensor an elements attribute, and
    a data type (`to`, `dtype`) a type. Element types: bool is `i1`, int64 `i64`, uint8 `ui8`, and so on.

    An operand that the file left out is a value of type `none`, made by `onnx.None`. An operation has as many results
    as its node has outputs up to the last named one. Result types may be unranked until resolve-shapes has run; their
    element types are known from the start through `ElementTypeInterface`.

    ```mlir
    %none = onnx.None : () -> none
    %y = onnx.LayerNormalization %x, %scale, %none {epsilon = 1.0e-6 : f32}
        : (tensor<1x?x64xf32>, tensor<64xf32>, none) -> tensor<1x?x64xf32>
    ```
  }];
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerContraction();
    void registerControl();
    void registerElementwise();
    void registerIndexing();
    void registerMicrosoft();
    void registerNN();
    void registerQuantization();
    void registerReduction();
    void registerShape();
  }];
}

def ONNX_ElementTypeInterface : OpInterface<"ElementTypeInterface"> {
  let cppNamespace = "::halyard::onnx";
  let description = [{ What an importer needs to know of an operator to create it. }];
  let methods = [
    InterfaceMethod<"Element type of a result, from the operands' element types and the attributes; null if unknown.",
      "::mlir::Type", "inferElementType", (ins "unsigned":$result)>,
    StaticInterfaceMethod<"Number of operands, absent ones included; -1 if the last one is variadic.",
      "int64_t", "getOperandLimit">,
    StaticInterfaceMethod<"Largest number of results; -1 if there is no limit.", "int64_t", "getResultLimit">
  ];
}

// A tensor; a tensor or an absent operand.
def ONNX_Tensor : AnyTypeOf<[AnyTensor], "tensor">;
def ONNX_Optional : AnyTypeOf<[AnyTensor, NoneType], "tensor or absent (none)">;

class ONNX_Int<int value> : DefaultValuedAttr<I64Attr, !cast<string>(value)>;
class ONNX_Float<string value> : DefaultValuedAttr<F32Attr, value # "f">;
class ONNX_String<string value> : DefaultValuedStrAttr<StrAttr, value>;
def ONNX_OptionalInt : OptionalAttr<I64Attr>;
def ONNX_OptionalInts : OptionalAttr<DenseI64ArrayAttr>;
def ONNX_OptionalFloat : OptionalAttr<F32Attr>;
def ONNX_OptionalType : OptionalAttr<TypeAttr>;

// The attribute `axis` lies within the rank of the first operand, [-rank, rank-1], wherever that rank is known.
def ONNX_AxisInRange : NativeOpTrait<"AxisInRange"> { let cppNamespace = "::halyard::onnx"; }

// An operator: its operands, its attributes, its results. `elementType` is C++ that yields the element type of result
// number `result`: by default that of the first operand.
class ONNX_Op<string mnemonic, string text, dag operandList, dag attributeList = (ins),
              dag resultList = (outs ONNX_Tensor:$result), list<Trait> traits = []>
    : Op<ONNX_Dialect, mnemonic, !listconcat([Pure, ONNX_ElementTypeInterface], traits)> {
  let summary = text;
  let arguments = !con((ins), operandList, attributeList);
  let results = resultList;
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  int operandLimit = !size(operandList);
  int resultLimit = !size(resultList);
  string elementType = "elementTypeOf((*this)->getOperand(0))";
  string moreClassDeclaration = "";
  let extraClassDeclaration = [{
    static int64_t getOperandLimit() { return }] # !cast<string>(operandLimit) # [{; }
    static int64_t getResultLimit() { return }] # !cast<string>(resultLimit) # [{; }
    ::mlir::Type inferElementType(unsigned result) { return }] # elementType # [{; }
  }] # moreClassDeclaration;
}

// Window attributes of a convolution or pooling, each with one entry (pads: two) per spatial axis.
defvar ONNX_window = (ins ONNX_String<"NOTSET">:$auto_pad, ONNX_OptionalInts:$kernel_shape, ONNX_OptionalInts:$strides,
                          ONNX_OptionalInts:$dilations, ONNX_OptionalInts:$pads);

// An operator whose outputs after the first may be left out; `limit` is the number it has at most.
class ONNX_OpWithMoreResults<string mnemonic, string text, int limit, dag operandList, dag attributeList = (ins),
                             list<Trait> traits = []>
    : ONNX_Op<mnemonic, text, operandList, attributeList, (outs Variadic<ONNX_Tensor>:$outputs), traits> {
  let resultLimit = limit;
}

#endif
