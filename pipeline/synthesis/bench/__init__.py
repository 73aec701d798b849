"""The engine beside the machine's own convolution roofline."""
