"""The commands, one a module: each calls the pipeline and prints."""
