// The command line tool of an artifact as a Cortex-M program: the C library's files are those of the machine
// that the debugger or emulator runs on.
#include "semihosting.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

extern "C" {
void initialise_monitor_handles();
void __libc_init_array();
int main(int argc, char **argv);

/// What this C library wants and does not bring.
void _init() {}
void _fini() {}
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}

void halyard_main() {
  static char line[4096];
  static char *words[64];
  initialise_monitor_handles();
  __libc_init_array();
  int count = 0;
  if (halyard_command_line(line, sizeof(line)) == 0)
    for (char *at = line; *at && count + 1 < int(sizeof(words) / sizeof(*words));) {
      words[count++] = at;
      while (*at && *at != ' ')
        ++at;
      while (*at == ' ')
        *at++ = 0;
    }
  exit(main(count, words));
}
}
