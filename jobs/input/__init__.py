"""What the command line is given: arguments, manifests, the folders they name."""
