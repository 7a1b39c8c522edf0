"""The `dingli` command. One file here is one command, or group of commands, of that name.

A file `dingli/cli/<name>.py` offers `app: typer.Typer`; the first line of its docstring is the help line in
`dingli --help`. With exactly one command and no callback, `dingli <name>` is that command; otherwise a group.
It is imported only when it is asked for, so that `dingli --help` stays quick however much the rest imports.
"""
