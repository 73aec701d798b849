"""A package, for its modules share one cluster: a fixture of this scope ends with the folder's last test."""
