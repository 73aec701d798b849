"""L-BFGS and Adam, for every image of a batch on its own."""
