// Products of matrices by the threads of a warp together.
#include "Interpreter.h"

namespace halyard::emulator {

bool decodeMatrix(Instruction &) { return false; }

} // namespace halyard::emulator
