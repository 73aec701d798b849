"""VGG-19: its weights, its passes forward and back, and the convolutions they consist of."""
