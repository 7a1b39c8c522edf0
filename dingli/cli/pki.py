"""Make an environment's certificate authority, and see what expires when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dingli.environment import load, state_dir
from dingli.parameters import AsJson, EnvironmentName
from dingli.pki import Places, Status
from dingli.pki import initialise as make_authority
from dingli.pki import status as read_status

app = typer.Typer(epilog="Examples:\n\ndingli pki init lab\n\ndingli pki status lab")

RootFolder = Annotated[
    Path | None,
    typer.Option("--root", help="Folder of the root key, outside the repository; left out: in the user's data folder."),
]


@app.command(
    epilog="Examples:\n\ndingli pki init lab\n\n"
    "dingli pki init prod --root /media/offline/root --passphrase-file /media/offline/words"
)
def init(
    environment: EnvironmentName,
    root: RootFolder = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="Protects the root key; left out: one is made beside the key, fit for a lab only."),
    ] = None,
) -> None:
    """Make the root key (once) and the intermediate that signs; what exists is left as it is."""
    declared = load(environment).name
    places = _places(declared, root)
    made = make_authority(places, passphrase_file)
    typer.echo(f"{declared}: certificate authority {'made' if made else 'exists already, nothing was changed'}")
    typer.echo(f"  root key      {places.root_key}")
    typer.echo("                encrypted; needed again only for a new intermediate: take it off this machine")
    typer.echo(f"  intermediate  {places.intermediate_certificate}")


@app.command(epilog="Examples:\n\ndingli pki status lab\n\ndingli pki status lab --json")
def status(
    environment: EnvironmentName,
    root: RootFolder = None,
    as_json: AsJson = False,
) -> None:
    """When what expires; the nearest first."""
    found = read_status(_places(load(environment).name, root))
    typer.echo(_json(found) if as_json else _text(found, datetime.now(UTC)))


def _places(environment: str, root: Path | None) -> Places:
    return Places.of(environment, state_dir(environment), root)


def _text(found: Status, now: datetime) -> str:
    lines = [f"root          {found.root_expires:%Y-%m-%d}", f"intermediate  {found.intermediate_expires:%Y-%m-%d}"]
    if not found.certificates:
        return "\n".join([*lines, "no certificate has been signed yet"])
    nearest = found.certificates[0]
    days = (nearest.expires - now).days
    lines.append(
        f"nearest       {nearest.expires:%Y-%m-%d %H:%M} UTC, in {days} days: {nearest.name} on {nearest.host}"
    )
    for item in found.certificates:
        due = "  renewal is due" if item.renewal_due(now) else ""
        lines.append(f"  {item.host:<14} {item.name:<16} {item.expires:%Y-%m-%d}{due}")
    return "\n".join(lines)


def _json(found: Status) -> str:
    plain = {
        "root_expires": found.root_expires.isoformat(),
        "intermediate_expires": found.intermediate_expires.isoformat(),
        "certificates": [
            {"host": item.host, "name": item.name, "expires": item.expires.isoformat()} for item in found.certificates
        ],
    }
    return json.dumps(plain, indent=1)
