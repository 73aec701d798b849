"""What people run: the command line, one module a command."""
