"""A stimulus set handed over: to BIDS, PsychoPy, jsPsych, Parquet and BrainIO. Repeated, every byte is the same."""
