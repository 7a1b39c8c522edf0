"""Print an Ansible inventory, for plain ansible-playbook."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dingli.environment import load
from dingli.stacks.ansible_inventory import ansible_inventory

app = typer.Typer()


@app.command(
    epilog="Examples:\n\ndingli inventory lab > hosts.json\n\n"
    "ansible-playbook -i hosts.json roles/site.yml --limit primary-1 --check --diff"
)
def inventory(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of a file in stacks/environments/.")],
) -> None:
    """Print an Ansible inventory: `dingli inventory lab > hosts.json`, then `ansible-playbook -i hosts.json …`."""
    typer.echo(json.dumps(ansible_inventory(load(environment)), indent=2))
