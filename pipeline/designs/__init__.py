"""From a design to its pairs: which images meet, under which condition, with which seed. Decisions alone, no I/O."""
