// split-program: the encoder and decoder functions become one seq.program.
//
// The encoder's body is the encode stage; the decoder's whole body becomes the step, which still takes the
// memory, and the source's mask where the decoder reads it, after the tokens: hoist-to-source moves what
// belongs to the source into bind.
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/SourceVocabulary.h"
#include "passes/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_SPLITPROGRAM
#include "passes/Transforms/Passes.h.inc"

namespace {

/// Moves the body of `function` into `stage`, ending in seq.yield.
void moveBody(func::FuncOp function, Region &stage) {
  stage.takeBody(function.getBody());
  Operation *terminator = stage.front().getTerminator();
  OpBuilder builder(terminator);
  seq::YieldOp::create(builder, terminator->getLoc(), terminator->getOperands());
  terminator->erase();
}

struct SplitProgram : impl::SplitProgramBase<SplitProgram> {
  using SplitProgramBase::SplitProgramBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto encoder = module.lookupSymbol<func::FuncOp>("encoder");
    auto decoder = module.lookupSymbol<func::FuncOp>("decoder");
    if (!encoder && !decoder)
      return;
    if (!encoder || !decoder || encoder.getNumArguments() < 1 || encoder.getNumArguments() > 2 ||
        decoder.getNumArguments() < 2 || decoder.getNumArguments() > encoder.getNumArguments() + 1) {
      module.emitError("expected an encoder of a source and a decoder of tokens and memory, each with the "
                       "source's mask or without");
      return signalPassFailure();
    }
    auto limits = module->getAttrOfType<DictionaryAttr>("halyard.limits");
    auto limit = [&](StringRef name) -> int64_t {
      auto value = limits ? limits.getAs<IntegerAttr>(name) : IntegerAttr();
      return value ? value.getInt() : 512;
    };

    OpBuilder builder(encoder);
    auto program = seq::ProgramOp::create(builder, module.getLoc(), "model", limit("max_source"),
                                          limit("max_target"), maxRows, slots);
    if (Attribute rows = encoder->getAttr("halyard.memory_rows"))
      program->setAttr("memory_rows", rows);
    if (Attribute name = encoder.getArgAttr(0, "onnx.name"))
      program->setAttr("source_name", name);
    builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
    auto encode = seq::EncodeOp::create(builder, encoder.getLoc());
    auto bind = seq::BindOp::create(builder, decoder.getLoc());
    auto step = seq::StepOp::create(builder, decoder.getLoc());

    Block &bound = bind.getBody().emplaceBlock();
    for (BlockArgument argument : decoder.getArguments().drop_front())
      bound.addArgument(argument.getType(), argument.getLoc());
    builder.setInsertionPointToEnd(&bind.getBody().front());
    seq::YieldOp::create(builder, bind.getLoc(), ValueRange());

    moveBody(encoder, encode.getBody());
    if (int64_t ids = sourceVocabulary(encode))
      program->setAttr("source_vocabulary", builder.getI64IntegerAttr(ids));
    moveBody(decoder, step.getBody());
    encoder.erase();
    decoder.erase();
    if (auto past = module.lookupSymbol<func::FuncOp>("decoder_with_past"))
      past.erase();
  }
};

} // namespace
} // namespace halyard
