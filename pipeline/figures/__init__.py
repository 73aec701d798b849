"""Figures of a run for papers and screens: a grid of stimuli along two factors, with labels."""
