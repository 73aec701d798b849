"""One process a run: the door to Ray, the loop, the lease, the rows, the progress."""
