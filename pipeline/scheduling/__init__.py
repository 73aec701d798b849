"""Who computes what: a pure state machine, the Ray actors, the driver loop."""
