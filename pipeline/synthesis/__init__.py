"""The numerical core: VGG-19, losses, optimisers and the slot engine, on torch and numpy alone."""
