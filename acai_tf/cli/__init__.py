"""The command line: one module with a `main` for each program; program.py, parsing.py and flags.py are shared."""
