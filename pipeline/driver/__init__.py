"""One process a run: Ray, the loop, the lease, the rows, the progress."""
