"""Print an Ansible inventory, for plain ansible-playbook."""

from __future__ import annotations

import json

import typer

from dingli.environment import load
from dingli.parameters import EnvironmentName
from dingli.stacks.ansible_inventory import ansible_inventory

app = typer.Typer()


@app.command(
    epilog="Examples:\n\ndingli inventory lab > hosts.json\n\n"
    "ansible-playbook -i hosts.json roles/site.yml --limit primary-1 --check --diff"
)
def inventory(
    environment: EnvironmentName,
) -> None:
    """Print an Ansible inventory: `dingli inventory lab > hosts.json`, then `ansible-playbook -i hosts.json …`."""
    typer.echo(json.dumps(ansible_inventory(load(environment)), indent=2))
