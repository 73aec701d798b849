"""The kernels in C and their Python side: what torch has no operator for, or a slower one."""
