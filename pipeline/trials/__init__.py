"""Trials of an experiment: decisions alone, the same for the same seed, whatever the order of the stimuli."""
