// How long inputs may be follows from the kind of input (tokens, samples, spectrum, image, patches: told by
// its rank and element type) and from the keys that transformers' configurations use for it. Nothing depends
// on a model's name but how many rows of its position table RoBERTa's family leaves unused.
#include "compiler/frontend/Limits.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace halyard::onnx;
using nlohmann::json;

namespace {

/// Token sequences without a limit of their own (relative or rotary positions) get this one.
constexpr int64_t kDefaultTokens = 512;
/// Defaults for tokens never exceed this, even if the model's positions do; more has to be asked for.
constexpr int64_t kLargestDefault = 1024;
/// Audio is processed in pieces of half a minute at most.
constexpr int64_t kDefaultSeconds = 30, kDefaultSamplingRate = 16000;
/// Pix2Struct's preprocessor makes that many patches unless told otherwise.
constexpr int64_t kDefaultPatches = 2048;

/// A length that a model cannot exceed (hard), or one that it was made for.
struct Bound {
  int64_t length;
  bool hard;
};

std::optional<int64_t> firstPositive(const json &object, ArrayRef<StringLiteral> keys) {
  for (StringRef key : keys)
    if (auto value = findPositive(object, key))
      return value;
  return std::nullopt;
}

/// Rows of the position table that are no positions: RoBERTa counts from pad_token_id + 1.
int64_t reservedPositions(const json &part) {
  const json *type = findJson(part, "model_type");
  if (!type || !type->is_string())
    return 0;
  bool offset = llvm::StringSwitch<bool>(type->get_ref<const std::string &>())
                    .Cases({"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}, true)
                    .Default(false);
  return offset ? findPositive(part, "pad_token_id").value_or(1) + 1 : 0;
}

/// Positions of one side of the model: of its own part of the configuration if it has one ("encoder",
/// "decoder"), else under one of `keys`.
std::optional<Bound> positions(const json &config, StringRef part, ArrayRef<StringLiteral> keys) {
  const json *own = findJson(config, part);
  const json *text = findJson(config, "text_config");
  for (const json *object : {own, &config, text}) {
    if (!object)
      continue;
    bool computed = findJson(*object, "rope_theta") || findJson(*object, "rope_parameters") ||
                    findJson(*object, "relative_attention_num_buckets");
    if (auto length = firstPositive(*object, keys))
      return Bound{*length - reservedPositions(*object), !computed};
  }
  return std::nullopt;
}

//===-- the encoder's input
//----------------------------------------------------------------------------------------===//

/// The first argument that is not a mask.
unsigned mainInput(func::FuncOp encoder) {
  for (unsigned i = 0; i < encoder.getNumArguments(); ++i)
    if (auto name = encoder.getArgAttrOfType<StringAttr>(i, "onnx.name");
        name && !name.getValue().contains("mask"))
      return i;
  return 0;
}

/// Height and width that an image has after preprocessing.
std::optional<std::pair<int64_t, int64_t>> imageSize(const Configuration &configuration) {
  for (StringRef key : {"encoder.image_size", "vision_config.image_size", "image_size"}) {
    const json *size = findJson(configuration.model, key);
    if (size && size->is_number_integer())
      return std::make_pair(size->get<int64_t>(), size->get<int64_t>());
    if (size && size->is_array() && size->size() == 2 && (*size)[0].is_number_integer() &&
        (*size)[1].is_number_integer())
      return std::make_pair((*size)[0].get<int64_t>(), (*size)[1].get<int64_t>());
  }
  auto height = findPositive(configuration.preprocessor, "size.height");
  auto width = findPositive(configuration.preprocessor, "size.width");
  if (height && width)
    return std::make_pair(*height, *width);
  return std::nullopt;
}

/// Gives the dynamic axes of a shape the extents that the configuration fixes.
void fixExtents(const Configuration &configuration, SmallVectorImpl<int64_t> &shape) {
  const json &config = configuration.model;
  auto fix = [&](unsigned axis, std::optional<int64_t> extent) {
    if (ShapedType::isDynamic(shape[axis]) && extent && *extent > 0)
      shape[axis] = *extent;
  };
  if (shape.size() == 4) { // an image: batch, channels, height, width
    fix(1, firstPositive(config, {"encoder.num_channels", "vision_config.num_channels", "num_channels"})
               .value_or(3));
    if (auto size = imageSize(configuration)) {
      fix(2, size->first);
      fix(3, size->second);
    }
  } else if (shape.size() == 3) {
    if (auto bins =
            findPositive(config, "num_mel_bins")) { // a spectrum: batch, bins, two frames per position
      auto frames = findPositive(config, "max_source_positions");
      fix(1, bins);
      fix(2, frames ? std::optional<int64_t>(2 * *frames) : std::nullopt);
    } else { // batch, time, features
      fix(2, firstPositive(config, {"input_feat_per_channel", "vision_config.patch_embed_hidden_size"}));
    }
  }
}

std::optional<Bound> sourceBound(const Configuration &configuration, RankedTensorType type) {
  const json &config = configuration.model;
  bool tokens = isa<IntegerType>(type.getElementType());
  if (type.getRank() == 2 && !tokens) {
    int64_t rate = findPositive(configuration.preprocessor, "sampling_rate").value_or(kDefaultSamplingRate);
    return Bound{kDefaultSeconds * rate, false};
  }
  if (type.getRank() == 3 && !tokens) {
    if (auto patches = firstPositive(configuration.preprocessor, {"max_patches"}))
      return Bound{*patches, false};
    if (findJson(config, "vision_config"))
      return Bound{kDefaultPatches, false};
    if (auto frames = findPositive(config, "max_source_positions"))
      return Bound{*frames, true};
  }
  return positions(
      config, "encoder",
      {"max_encoder_position_embeddings", "max_text_positions", "max_position_embeddings", "n_positions"});
}

//===-- choice
//-----------------------------------------------------------------------------------------------------===//

FailureOr<int64_t> choose(Location location, StringRef option, int64_t asked, std::optional<Bound> bound,
                          int64_t fallback) {
  if (asked > 0 && bound && bound->hard && asked > bound->length)
    return emitError(location) << option << " " << asked << " is beyond the " << bound->length
                               << " positions that the model has";
  if (asked > 0)
    return asked;
  return bound ? bound->length : fallback;
}

FailureOr<int64_t> chooseSource(Location location, const Configuration &configuration, func::FuncOp encoder,
                                int64_t asked) {
  unsigned input = mainInput(encoder);
  auto type = input < encoder.getNumArguments()
                  ? dyn_cast<RankedTensorType>(encoder.getArgument(input).getType())
                  : RankedTensorType();
  if (!type || type.getRank() < 2)
    return choose(location, "--max-source", asked, std::nullopt, kDefaultTokens);
  SmallVector<int64_t> shape(type.getShape());
  fixExtents(configuration, shape);
  auto refined = RankedTensorType::get(shape, type.getElementType());
  encoder.getArgument(input).setType(refined);
  encoder.setType(
      FunctionType::get(encoder.getContext(), encoder.front().getArgumentTypes(), encoder.getResultTypes()));
  if (llvm::none_of(ArrayRef(shape).drop_front(), ShapedType::isDynamic))
    return choose(location, "--max-source", asked, Bound{shape.back(), true}, 0);
  std::optional<Bound> bound = sourceBound(configuration, refined);
  bool isTokens = isa<IntegerType>(type.getElementType());
  if (bound && asked == 0 && isTokens)
    bound->length = std::min(bound->length, kLargestDefault);
  return choose(location, "--max-source", asked, bound, kDefaultTokens);
}

FailureOr<int64_t> chooseTarget(Location location, const Configuration &configuration, int64_t asked) {
  std::optional<Bound> bound = positions(
      configuration.model, "decoder",
      {"max_decoder_position_embeddings", "max_target_positions", "max_position_embeddings", "n_positions"});
  if (bound && asked == 0)
    bound->length = std::min(bound->length, kLargestDefault);
  int64_t fallback =
      std::max(kDefaultTokens, findPositive(configuration.generation, "max_length").value_or(0));
  return choose(location, "--max-target", asked, bound, std::min(fallback, kLargestDefault));
}

} // namespace

FailureOr<Limits> halyard::onnx::applyLimits(Location location, const Configuration &configuration,
                                             func::FuncOp encoder, Limits asked) {
  FailureOr<int64_t> source = chooseSource(location, configuration, encoder, asked.maxSource);
  if (failed(source))
    return failure();
  FailureOr<int64_t> target = chooseTarget(location, configuration, asked.maxTarget);
  if (failed(target))
    return failure();
  return Limits{*source, *target};
}
