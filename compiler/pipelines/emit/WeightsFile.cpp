// The file NAME.weights: constants are streamed into it one after the other, so that none is held twice in
// memory.
#include "compiler/pipelines/emit/WeightsFile.h"
#include "runtime/include/halyard/weights.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace halyard::emit {

namespace {

/// Row-major bytes of a constant. `storage` keeps those that have to be made.
ArrayRef<char> bytesOf(ElementsAttr value, std::vector<char> &storage) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getData() : ArrayRef<char>();
  }
  auto dense = cast<DenseElementsAttr>(value);
  if (dense.getElementType().isInteger(1)) {
    for (bool element : dense.getValues<bool>())
      storage.push_back(element);
    return storage;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return raw;
  for (int64_t i = 0; i < dense.getNumElements(); ++i)
    storage.insert(storage.end(), raw.begin(), raw.end());
  return storage;
}

/// Appends to the file and to the checksum, which fills the last block of a constant with the zeros that
/// follow it.
class Writer {
public:
  explicit Writer(llvm::raw_fd_ostream &file) : file(file) {}

  void append(ArrayRef<char> bytes, int64_t paddedTo) {
    file.write(bytes.data(), bytes.size());
    file.write_zeros(paddedTo - bytes.size());
    halyard_checksum_add(&sum, bytes.data(), bytes.size());
    static const char zeros[HALYARD_ALIGNMENT] = {};
    for (int64_t rest = paddedTo - int64_t(llvm::alignTo(bytes.size(), HALYARD_ALIGNMENT)); rest > 0;
         rest -= HALYARD_ALIGNMENT)
      halyard_checksum_add(&sum, zeros, HALYARD_ALIGNMENT);
  }
  uint64_t checksum() const { return halyard_checksum_end(&sum); }

private:
  llvm::raw_fd_ostream &file;
  halyard_checksum sum = halyard_checksum_begin();
};

} // namespace

FailureOr<uint64_t> writeWeights(rt::ProgramOp program, StringRef path) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error, llvm::sys::fs::OF_None);
  if (error)
    return program.emitError() << path << ": cannot be written: " << error.message();
  halyard_weights_header header = {
      HALYARD_WEIGHTS_MAGIC, HALYARD_ABI, 0, static_cast<uint64_t>(*program.getWeightsBytes()), 0, {}};
  file.write(reinterpret_cast<const char *>(&header), sizeof(header));
  Writer writer(file);
  for (rt::ConstantOp constant : program.getBody().getOps<rt::ConstantOp>()) {
    std::vector<char> storage;
    ArrayRef<char> bytes = bytesOf(constant.getValue(), storage);
    int64_t expected =
        constant.getValue().getNumElements() * rt::bytesOfElement(constant.getValue().getElementType());
    if (static_cast<int64_t>(bytes.size()) != expected)
      return constant.emitError() << "holds " << bytes.size() << " bytes where "
                                  << constant.getValue().getType() << " takes " << expected;
    writer.append(bytes, llvm::alignTo(std::max<int64_t>(expected, 1), rt::kAlignment));
  }
  header.checksum = writer.checksum();
  file.seek(0);
  file.write(reinterpret_cast<const char *>(&header), sizeof(header));
  file.close();
  if (file.has_error()) {
    error = file.error();
    file.clear_error();
    return program.emitError() << path << ": cannot be written: " << error.message();
  }
  return writer.checksum();
}

} // namespace halyard::emit
