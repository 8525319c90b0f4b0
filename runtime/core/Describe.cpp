// Words errors without the C library's formatting, which firmware may not have.
#include "halyard/session.h"

namespace {

/// Appends to a text of limited size, keeping its end marked.
class Writer {
public:
  Writer(char *text, size_t size) : text(text), size(size) {
    if (size)
      text[0] = 0;
  }
  Writer &operator<<(const char *words) {
    while (*words && used + 1 < size)
      text[used++] = *words++;
    if (size)
      text[used] = 0;
    return *this;
  }
  Writer &operator<<(int64_t number) {
    char digits[24];
    char *at = digits + sizeof(digits) - 1;
    *at = 0;
    uint64_t left = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do
      *--at = static_cast<char>('0' + left % 10);
    while (left /= 10);
    if (number < 0)
      *--at = '-';
    return *this << at;
  }

private:
  char *text;
  size_t size;
  size_t used = 0;
};

void describeInput(const halyard_error &error, Writer &out) {
  switch (error.status) {
  case halyard_bad_source:
    out << "a source of length " << error.got;
    if (error.got < 1 || error.got > error.limit)
      out << ": the model was compiled for lengths from 1 to " << error.limit;
    else
      out << " is too short: the encoder makes nothing of it";
    return;
  case halyard_bad_source_id:
    out << "source token " << error.got << ": the vocabulary has ids from 0 to " << error.limit - 1;
    return;
  case halyard_bad_mask:
    out << "a mask, but the model takes sources without padding";
    return;
  case halyard_bad_token:
    out << "decoder token " << error.got << ": the vocabulary has ids from 0 to " << error.limit - 1;
    return;
  case halyard_bad_prompt:
    out << "the prompt is empty and the model's files name no decoder_start_token_id";
    return;
  case halyard_too_long:
    out << "a text of " << error.got << " tokens, prompt included: at most " << error.limit
        << " are possible";
    return;
  case halyard_bad_beams:
    out << error.got << " beams: the model was compiled with slots for " << error.limit;
    return;
  default:
    out << "a negative number of new tokens: " << error.got;
  }
}

void describeUse(const halyard_error &error, Writer &out) {
  switch (error.status) {
  case halyard_ok:
    out << "no error";
    return;
  case halyard_bad_abi:
    out << "the program was compiled for another version of the runtime";
    return;
  case halyard_bad_memory:
    out << "memory is missing, too small or not aligned to " << HALYARD_ALIGNMENT << " bytes";
    return;
  case halyard_bad_weights:
    out << "these are not the weights the program was compiled with: truncated, damaged or of another model";
    return;
  case halyard_cannot_read:
    out << "the weights file cannot be opened";
    return;
  case halyard_no_driver:
    out << "the program runs on a device whose driver's library cannot be loaded (libcuda.so.1 for CUDA, "
           "libOpenCL.so.1 for OpenCL)";
    return;
  case halyard_no_device:
    out << "the driver has no device that can run the program";
    return;
  case halyard_device_failed:
    out << "the device's driver reported an error";
    return;
  case halyard_bad_slot:
  case halyard_bad_rows:
  case halyard_bad_position:
    out << "a row, slot or position is out of the program's range (status " << error.status << ")";
    return;
  default:
    out << "a kernel failed with code " << error.got;
  }
}

} // namespace

const char *halyard_describe(const halyard_error *error, char *text, size_t size) {
  Writer out(text, size);
  if (error->request >= 0)
    out << "request " << error->request << ": ";
  switch (error->status) {
  case halyard_bad_source:
  case halyard_bad_source_id:
  case halyard_bad_token:
  case halyard_bad_prompt:
  case halyard_too_long:
  case halyard_bad_option:
  case halyard_bad_beams:
  case halyard_bad_mask:
    describeInput(*error, out);
    break;
  default:
    describeUse(*error, out);
  }
  return text;
}
