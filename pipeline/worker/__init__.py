"""One process a device: the Ray actor, its loop, pictures in, rows out."""
