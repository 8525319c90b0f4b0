// The weights as a part of the program: HALYARD_WEIGHTS_FILE is the path of NAME.weights.
asm(".section .weights,\"a\",%progbits\n"
    ".balign 128\n"
    ".globl halyard_linked_weights\n"
    "halyard_linked_weights:\n"
    ".incbin \"" HALYARD_WEIGHTS_FILE "\"\n");
