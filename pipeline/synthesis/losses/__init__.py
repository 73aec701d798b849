"""The losses of eq. 1 to 7: targets, values, and the gradients that they inject."""
