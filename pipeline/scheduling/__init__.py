"""Decisions alone: which pair goes where and what follows from every event. No Ray, no I/O, no torch."""
