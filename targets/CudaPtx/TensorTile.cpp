// The functions of a TensorTile, built in MLIR's dialects for GPUs and translated to PTX by LLVM:
//
//   i32 halyard_tensor_tile(x, w, groups, rows, panels, firstRow, firstColumn, thread)
//   f32 halyard_tensor_sum(tile, row, column)
//
// The first multiplies a block of rows of `x` with a block of columns of `w`, which have `groups` of 16 terms
// of f16. Four warps have a quarter of the tile each. Of a group, an instruction wants two
// times two neighbouring terms in a thread; which ones is all the same as long as both operands have the
// same. So a thread loads four neighbours at once, and what a warp loads lies together. The sums of f32 go to
// shared memory, where the second finds them.
#include "targets/CudaPtx/TensorTile.h"

#include "targets/Common/Algorithms/LinearSum.h"
#include "targets/Gpu/GpuSchedule.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVM/NVVM/Target.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace halyard;
using halyard::kernels::kGpuPanel;
using halyard::kernels::kTensorTerms;
using halyard::kernels::TensorTile;

/// Rows and columns of one instruction, and how many of them a warp has in its quarter.
static constexpr int kRows = 16, kColumns = 8, kRowTiles = TensorTile::kRows / 2 / kRows,
                     kColumnTiles = TensorTile::kColumns / 2 / kColumns, kSums = kRowTiles * kColumnTiles;
/// Elements from one row of sums to the next: a few more than there are columns, so that rows that a warp
/// writes together lie in different banks.
static constexpr int kSumStride = TensorTile::kColumns + 8;
static constexpr llvm::StringLiteral kSumsName = "halyard_tensor_sums";
/// What the functions run on, which is what the texts of Halide's kernels say too.
static constexpr llvm::StringLiteral kChip = "sm_80", kFeatures = "+ptx70";

namespace {
class TileBuilder {
public:
  TileBuilder(gpu::GPUModuleOp module)
      : b(ImplicitLocOpBuilder::atBlockBegin(module.getLoc(), &module.getBodyRegion().front())) {}

  void build();

private:
  void buildTile();
  void buildSum();
  gpu::GPUFuncOp function(StringRef name, ArrayRef<Type> arguments, Type result);
  Value number(int64_t value) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(value)); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value add(Value x, int64_t y) { return add(x, number(y)); }
  Value times(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value times(Value x, int64_t y) { return times(x, number(y)); }
  Value quotient(Value x, int64_t y) { return arith::DivUIOp::create(b, x, number(y)); }
  Value remainder(Value x, int64_t y) { return arith::RemUIOp::create(b, x, number(y)); }
  Value within(Value x, Value count) { return arith::MinSIOp::create(b, x, add(count, -1)); }
  Value element(Value base, Type type, Value index) {
    return LLVM::GEPOp::create(b, base.getType(), type, base, ValueRange(index));
  }
  Value sumAt(Value row, Value column) {
    Value sums = LLVM::AddressOfOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), 3), kSumsName);
    return element(sums, b.getF32Type(), add(times(row, kSumStride), column));
  }

  void placeThread(Value thread);
  SmallVector<Value> rowBegins(Value x, Value groups, Value rows, Value firstRow);
  SmallVector<Value> columnBegins(Value w, Value groups, Value panels, Value firstColumn);
  std::pair<Value, Value> loadPairs(Value begin, Value group, int stride);
  Value joined(ArrayRef<Value> pairs);
  SmallVector<Value> load(Value group);
  SmallVector<Value> multiply(ValueRange operands, ValueRange sums);
  void store(ValueRange sums);

  ImplicitLocOpBuilder b;
  /// Where a thread stands in its warp, as fragments of operands are numbered, and where its quarter is.
  Value line, pair, quarterRow, quarterColumn;
  /// The thread's terms of group 0, for each of its rows and columns.
  SmallVector<Value> rowAt, columnAt;
};
} // namespace

gpu::GPUFuncOp TileBuilder::function(StringRef name, ArrayRef<Type> arguments, Type result) {
  auto made = gpu::GPUFuncOp::create(b, name, b.getFunctionType(arguments, result));
  b.setInsertionPointToStart(&made.getBody().front());
  return made;
}

void TileBuilder::placeThread(Value thread) {
  constexpr int kWarp = 32, kPairs = 4;
  Value warp = quotient(thread, kWarp), lane = remainder(thread, kWarp);
  line = quotient(lane, kPairs);
  pair = remainder(lane, kPairs);
  quarterRow = times(quotient(warp, 2), TensorTile::kRows / 2);
  quarterColumn = times(remainder(warp, 2), TensorTile::kColumns / 2);
}

/// For each tile of rows, the thread's row in its upper and in its lower half.
SmallVector<Value> TileBuilder::rowBegins(Value x, Value groups, Value rows, Value firstRow) {
  SmallVector<Value> begins;
  for (int half = 0; half < 2 * kRowTiles; ++half) {
    Value row = within(add(add(firstRow, add(quarterRow, line)), half * kRows / 2), rows);
    Value index = add(times(times(row, groups), kTensorTerms), times(pair, 4));
    begins.push_back(element(x, b.getF16Type(), index));
  }
  return begins;
}

SmallVector<Value> TileBuilder::columnBegins(Value w, Value groups, Value panels, Value firstColumn) {
  SmallVector<Value> begins;
  for (int tile = 0; tile < kColumnTiles; ++tile) {
    int column = tile * kColumns;
    Value first = quotient(add(firstColumn, quarterColumn), kGpuPanel);
    Value panel = within(add(first, column / kGpuPanel), panels);
    Value inPanel = add(times(times(panel, groups), kGpuPanel), add(line, column % kGpuPanel));
    begins.push_back(element(w, b.getF16Type(), add(times(inPanel, kTensorTerms), times(pair, 4))));
  }
  return begins;
}

/// The first and the second two of the thread's terms of a group.
std::pair<Value, Value> TileBuilder::loadPairs(Value begin, Value group, int stride) {
  constexpr int kBytes = 8;
  Value at = element(begin, b.getF16Type(), times(group, stride));
  Value all = LLVM::LoadOp::create(b, VectorType::get({4}, b.getF16Type()), at, kBytes);
  auto part = [&](int64_t from) -> Value {
    return vector::ExtractStridedSliceOp::create(b, all, ArrayRef<int64_t>(from), ArrayRef<int64_t>(2),
                                                 ArrayRef<int64_t>(1));
  };
  return {part(0), part(2)};
}

Value TileBuilder::joined(ArrayRef<Value> pairs) {
  auto type = VectorType::get({static_cast<int64_t>(pairs.size()), 2}, b.getF16Type());
  Value result = arith::ConstantOp::create(b, b.getZeroAttr(type));
  for (auto [index, pair] : llvm::enumerate(pairs))
    result = vector::InsertOp::create(b, pair, result, ArrayRef<int64_t>(index));
  return result;
}

/// The thread's fragments of both operands for a group of terms: tiles of rows, then of columns.
SmallVector<Value> TileBuilder::load(Value group) {
  SmallVector<Value> operands;
  for (int tile = 0; tile < kRowTiles; ++tile) {
    auto [upperFirst, upperSecond] = loadPairs(rowAt[2 * tile], group, kTensorTerms);
    auto [lowerFirst, lowerSecond] = loadPairs(rowAt[2 * tile + 1], group, kTensorTerms);
    operands.push_back(joined({upperFirst, lowerFirst, upperSecond, lowerSecond}));
  }
  for (int tile = 0; tile < kColumnTiles; ++tile) {
    auto [first, second] = loadPairs(columnAt[tile], group, kTensorTerms * kGpuPanel);
    operands.push_back(joined({first, second}));
  }
  return operands;
}

/// All products of a group of terms, added to the sums.
SmallVector<Value> TileBuilder::multiply(ValueRange operands, ValueRange sums) {
  SmallVector<Value> result;
  for (int tile = 0; tile < kSums; ++tile)
    result.push_back(nvgpu::MmaSyncOp::create(b, operands[tile / kColumnTiles],
                                              operands[kRowTiles + tile % kColumnTiles], sums[tile],
                                              ArrayRef<int64_t>{kRows, kColumns, kTensorTerms}));
  return result;
}

/// A thread has two neighbouring columns, in a row of the upper and one of the lower half.
void TileBuilder::store(ValueRange sums) {
  for (auto [tile, sum] : llvm::enumerate(sums))
    for (int half = 0; half < 2; ++half) {
      int row = tile / kColumnTiles * kRows + half * kRows / 2, column = tile % kColumnTiles * kColumns;
      Value two = vector::ExtractOp::create(b, sum, ArrayRef<int64_t>(half));
      Value place = sumAt(add(add(quarterRow, line), row), add(add(quarterColumn, times(pair, 2)), column));
      LLVM::StoreOp::create(b, two, place);
    }
}

void TileBuilder::buildTile() {
  Type i32 = b.getI32Type(), global = LLVM::LLVMPointerType::get(b.getContext(), 1);
  OpBuilder::InsertionGuard guard(b);
  gpu::GPUFuncOp tile = function(TensorTile::kTile, {global, global, i32, i32, i32, i32, i32, i32}, i32);
  Value x = tile.getArgument(0), w = tile.getArgument(1), groups = tile.getArgument(2);
  placeThread(tile.getArgument(7));
  rowAt = rowBegins(x, groups, tile.getArgument(3), tile.getArgument(5));
  columnAt = columnBegins(w, groups, tile.getArgument(4), tile.getArgument(6));
  auto zero = arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get({2, 2}, b.getF32Type())));
  SmallVector<Value> carried(kSums, zero);
  llvm::append_range(carried, load(number(0)));
  // What the next turn multiplies is on its way while this one multiplies.
  auto turn = [&](OpBuilder &inner, Location location, Value group, ValueRange given) {
    ImplicitLocOpBuilder outer = b;
    b = ImplicitLocOpBuilder(location, inner);
    SmallVector<Value> next = load(within(add(group, 1), groups));
    SmallVector<Value> results = multiply(given.drop_front(kSums), given.take_front(kSums));
    llvm::append_range(results, next);
    scf::YieldOp::create(b, results);
    b = outer;
  };
  auto loop = scf::ForOp::create(b, number(0), groups, number(1), carried, turn);
  store(loop.getResults().take_front(kSums));
  gpu::ReturnOp::create(b, ValueRange(number(0)));
}

void TileBuilder::buildSum() {
  Type i32 = b.getI32Type();
  OpBuilder::InsertionGuard guard(b);
  gpu::GPUFuncOp sum = function(TensorTile::kSum, {i32, i32, i32}, b.getF32Type());
  Value place = sumAt(add(sum.getArgument(0), sum.getArgument(1)), sum.getArgument(2));
  gpu::ReturnOp::create(b, ValueRange(LLVM::LoadOp::create(b, b.getF32Type(), place)));
}

void TileBuilder::build() {
  auto type = LLVM::LLVMArrayType::get(b.getF32Type(), TensorTile::kRows * kSumStride);
  LLVM::GlobalOp::create(b, type, /*isConstant=*/false, LLVM::Linkage::Internal, kSumsName, Attribute(),
                         /*alignment=*/16, /*addrSpace=*/3);
  buildTile();
  buildSum();
}

static void addPasses(PassManager &manager) {
  OpPassManager &device = manager.nest<gpu::GPUModuleOp>();
  device.addPass(createConvertNVGPUToNVVMPass());
  device.addPass(createSCFToControlFlowPass());
  device.addPass(createConvertGpuOpsToNVVMOps());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  OpPassManager &clean = manager.nest<gpu::GPUModuleOp>();
  clean.addPass(createCanonicalizerPass());
  clean.addPass(createCSEPass());
  clean.addPass(createReconcileUnrealizedCastsPass());
  GpuModuleToBinaryPassOptions options;
  options.compilationTarget = "isa";
  manager.addPass(createGpuModuleToBinaryPass(options));
}

/// The functions as a module of PTX. The text is the same each time.
static std::string tensorTileText() {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect, nvgpu::NVGPUDialect,
                  NVVM::NVVMDialect, scf::SCFDialect, vector::VectorDialect>();
  NVVM::registerNVVMTargetInterfaceExternalModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  Location location = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(location);
  auto builder = ImplicitLocOpBuilder::atBlockBegin(location, module->getBody());
  auto target = NVVM::NVVMTargetAttr::get(&context, /*optLevel=*/3, "nvptx64-nvidia-cuda", kChip, kFeatures);
  auto device = gpu::GPUModuleOp::create(builder, "tensor_tile", ArrayRef<Attribute>(target));
  TileBuilder(device).build();
  PassManager manager(&context);
  addPasses(manager);
  if (failed(manager.run(*module)))
    return "";
  auto binary = *module->getOps<gpu::BinaryOp>().begin();
  return cast<gpu::ObjectAttr>(binary.getObjects()[0]).getObject().getValue().rtrim('\0').str();
}

std::string halyard::withTensorTile(StringRef ptx) {
  if (!ptx.contains(TensorTile::kTile))
    return ptx.str();
  static const std::string tile = tensorTileText();
  constexpr llvm::StringLiteral kHeader = ".address_size 64\n";
  auto [header, functions] = StringRef(tile).split(kHeader);
  if (functions.empty())
    throw Halide::InternalError("MLIR has no text for tensor cores");
  // In place of declarations, which say that functions are elsewhere.
  std::string result;
  auto [before, rest] = ptx.split(kHeader);
  result = (before + kHeader + functions).str();
  while (rest.contains(".extern .func")) {
    auto [kept, declaration] = rest.split(".extern .func");
    result += kept;
    rest = declaration.split(";\n").second;
  }
  return result + rest.str();
}
