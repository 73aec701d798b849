"""What stands on the store, compared with what the rows say stands there."""
