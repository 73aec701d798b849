"""What driver and worker tell each other; both import it, and never each other."""
