// The halyard program.
#include "compiler/driver/Commands.h"

int main(int argc, char **argv) { return halyard::driver::main(argc, argv); }
