"""The layout of a run on its store: commit, resume, compaction, reading back."""
