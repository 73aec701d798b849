"""A run as pages to look at: read once, packed, and shown by a script that needs no server and no network."""
