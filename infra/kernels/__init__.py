"""Other kernels: the prebuilt objects for them, and a matrix that boots Debian's under qemu to see what they give."""
