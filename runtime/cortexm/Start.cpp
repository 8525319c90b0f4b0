// The first instructions of a Cortex-M program: vectors, memory, floating point and vector unit, main. The
// linker script says where everything lies, by the symbols named here.
#include "semihosting.h"

#include <string.h>

extern "C" {
extern uint8_t halyard_stack_top[];
extern uint8_t halyard_data[], halyard_data_end[], halyard_data_source[];
extern uint8_t halyard_bss[], halyard_bss_end[];

int main(int argc, char **argv);
void halyard_reset();
void halyard_main();
}

namespace {

void stop() { halyard_exit(127); } // an exception: nothing here can go on

using Vector = void (*)();
constexpr int kExceptions = 16;
struct Vectors {
  void *stack;
  Vector reset, others[kExceptions - 2];
};
__attribute__((section(".vectors"), used)) const Vectors vectors = {
    halyard_stack_top,
    halyard_reset,
    {stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop}};

} // namespace

/// What a program does after its start; one that has words on its command line replaces it.
__attribute__((weak)) void halyard_main() {
  char name[1] = {0}, *words[] = {name, nullptr};
  halyard_exit(main(1, words));
}

void halyard_reset() {
  volatile uint32_t &coprocessors = *reinterpret_cast<volatile uint32_t *>(0xE000ED88);
  coprocessors = coprocessors | 0xF00000; // the compiler may use floating point from here on
  __asm__ volatile("dsb\n isb" ::: "memory");
  if (halyard_data != halyard_data_source)
    memcpy(halyard_data, halyard_data_source, static_cast<size_t>(halyard_data_end - halyard_data));
  memset(halyard_bss, 0, static_cast<size_t>(halyard_bss_end - halyard_bss));
  halyard_main();
}
