"""Tasks in, pictures out: slots, lanes and the queue before them, on one device."""
