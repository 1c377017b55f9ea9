"""The command line: a module for each program, with a `main`; program.py, parsing.py and flags.py are their common parts."""
