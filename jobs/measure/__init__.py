"""Measurements that a command makes before a run: what it will cost, and how fast the peer is."""
