// The command line tool of an artifact as a Cortex-M program: the C library's files are those of the machine
// that the debugger or emulator runs on.
#include "semihosting.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/// A line's words. It begins with the program's path, and where that may have spaces, " -- " stands behind
/// it. A backslash stands before a space that belongs to a word.
static int split(char *line, char **words, int most) {
  char *from = line, *mark = line;
  while ((mark = strstr(mark, " -- ")))
    from = mark++;
  int count = 0;
  if (from != line) {
    *from = 0;
    words[count++] = line;
    from += 4;
  }
  for (char *to = from; *from && count < most;) {
    words[count++] = to;
    for (; *from && *from != ' '; ++from) {
      from += *from == '\\' && from[1];
      *to++ = *from;
    }
    while (*from == ' ')
      ++from;
    *to++ = 0;
  }
  return count;
}

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
  int most = int(sizeof(words) / sizeof(*words)) - 1;
  int count = halyard_command_line(line, sizeof(line)) == 0 ? split(line, words, most) : 0;
  exit(main(count, words));
}
}
