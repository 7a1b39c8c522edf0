"""The role delivers the program whole."""

from __future__ import annotations

import yaml

from .conftest import ROLES


def test_every_module_of_the_program_is_delivered() -> None:
    delivered = yaml.safe_load((ROLES / "logserver/defaults/main.yml").read_text())["logserver_modules"]
    folder = ROLES / "logserver/files/dingli_logstore"
    names = {entry["path"].rpartition("/")[2]: entry["content"] for entry in delivered}
    assert set(names) == {path.name for path in folder.glob("*.py")} | {"__main__.py"}
    assert all(name == "__main__.py" or f"'dingli_logstore/{name}'" in content for name, content in names.items())
