"""A finished run as a stimulus set: matched, judged, handed over. Reads runs, writes beside them, starts no Ray."""
