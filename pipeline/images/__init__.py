"""Pictures in and out: decode, resize, quantise, encode."""
