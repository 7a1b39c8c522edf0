"""The outermost edge: finds the commands, prints errors for people, and gives exit codes their meaning."""

from __future__ import annotations

import ast
import importlib
import os
import select
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from dingli import __version__
from dingli.completion import offer, words_so_far
from dingli.exceptions import DingliError, ExitCode

_FOLDER = Path(__file__).parent
_NOT_COMMANDS = {"__init__", "main"}
_FIRST = ["lab", "up", "preview", "status", "destroy"]  # the order in which a newcomer needs them
_HELP = "Three sites from one file: provisioning, drills with measured RTO and RPO, an audit with evidence."
_EPILOG = "Exit status: 0 done, or passed. 1 failed, or a negative verdict. 2 wrong usage or input. 3 could not tell."


def command_names() -> list[str]:
    """The names of all commands, known from the files beside this one."""
    names = {path.stem.replace("_", "-") for path in _FOLDER.glob("*.py") if path.stem not in _NOT_COMMANDS}
    return [name for name in _FIRST if name in names] + sorted(names - set(_FIRST))


def help_line(name: str) -> str:
    """First line of the command's docstring, read without importing it."""
    source = (_FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def application(arguments: Sequence[str]) -> typer.Typer:
    """The whole command line, of which only the command that `arguments` asks for is imported."""
    app = typer.Typer(cls=_Top, help=_HELP, epilog=_EPILOG, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_top)
    asked_by_shell = words_so_far(os.environ)
    words = arguments if asked_by_shell is None else asked_by_shell
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name in command_names():
        if name != chosen:
            app.command(name, help=help_line(name))(_not_chosen)
            continue
        command: typer.Typer = importlib.import_module(f"dingli.cli.{name.replace('-', '_')}").app
        if asked_by_shell is not None:
            offer(command)
        if len(command.registered_commands) == 1 and not command.registered_callback and not command.registered_groups:
            only = command.registered_commands[0]
            only.name = name
            app.registered_commands.append(only)
        else:
            app.add_typer(command, name=name, help=help_line(name), no_args_is_help=True)
    return app


class _Top(TyperGroup):
    """Ends quietly, as other programs do, when nobody reads its output any more: `dingli status lab | head -1`."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            result = super().invoke(ctx)
            if sys.stdout:  # there is none after `>&-`
                sys.stdout.flush()
        except BrokenPipeError as error:
            if not _reader_is_gone():
                raise RuntimeError("a pipe broke that is not standard output") from error
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes there
            raise typer.Exit(128 + signal.SIGPIPE) from None
        return result


def _reader_is_gone() -> bool:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in output.poll(0))


def _not_chosen() -> None:
    """Stands for a command that is only listed."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dingli {__version__}")
        raise typer.Exit


def _top(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def show(error: DingliError) -> None:
    """Print an error on standard error: what was found, what was expected, what to do."""
    label = typer.style("error:", fg="red", bold=True) if sys.stderr.isatty() else "error:"
    typer.echo(f"{label} {error}", err=True)


def run(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `dingli`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        application(given)(args=given, prog_name="dingli")
    except DingliError as error:
        show(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # while a command is being loaded; later ones end in the same way inside it
        typer.echo("interrupted", err=True)
        sys.exit(128 + signal.SIGINT)
    except Exception:  # noqa: BLE001 - outermost edge: a defect of ours must not look like a negative verdict
        traceback.print_exc()
        sys.exit(ExitCode.UNKNOWN)
