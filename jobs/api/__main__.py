"""`python -m neckar`: the command line."""

from neckar.jobs.command_line import main

main()
