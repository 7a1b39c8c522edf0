"""Arguments and options that many commands have, in the same words everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["AsJson", "EnvironmentName", "EnvironmentOrPath", "Yes"]

EnvironmentName = Annotated[str, typer.Argument(metavar="ENV", help="Name of a file in stacks/environments/.")]
EnvironmentOrPath = Annotated[
    str, typer.Argument(metavar="ENV", help="Name of a file in stacks/environments/, or a path.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for another program.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
