"""Environments, and rule sets as the role renders them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment as Jinja
from jinja2 import FileSystemLoader, StrictUndefined

from dingli.environment import Environment, load
from dingli.network import firewall_variables

ROOT = Path(__file__).resolve().parents[3]
_TEMPLATES = Jinja(
    loader=FileSystemLoader(ROOT / "roles" / "firewall" / "templates"), trim_blocks=True, undefined=StrictUndefined
)


def rendered(environment: Environment, host: str) -> str:
    """The rules of a host."""
    template = _TEMPLATES.get_template("rules.nft.j2")
    return template.render(dingli_firewall=firewall_variables(environment, host))


@pytest.fixture(scope="session")
def lab_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's environment without its lines: nobody is asked about them, whether the lab is up or not."""
    text = (ROOT / "stacks" / "environments" / "lab.yaml").read_text()
    file = tmp_path_factory.mktemp("lab") / "lab.yaml"
    file.write_text(re.sub(r"^lines:\n(  .*\n)+", "", text, count=1, flags=re.MULTILINE))
    return file


@pytest.fixture(scope="session")
def lab(lab_file: Path) -> Environment:
    return load(lab_file)


@pytest.fixture(scope="session")
def other() -> Environment:
    """Other names, other addresses, other defaults."""
    return load(ROOT / "tests" / "unit" / "environment" / "base.yaml")
