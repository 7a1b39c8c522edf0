"""Stacks that an earlier program made stay as they are: nothing on hosts is made, replaced or taken away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dingli.bench.generated_clone import NAME, GeneratedClone, generated_clone
from infra.providers.deployment.digest import desired
from infra.providers.deployment.packing import unpacked

pytestmark = pytest.mark.engine
CELL = "dingli:index:Cell"
WITHOUT_HOSTS = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


@pytest.fixture(scope="module")
def clone() -> Iterator[GeneratedClone]:
    with generated_clone(20) as made:
        yield made


def as_before(state: dict[str, Any]) -> dict[str, Any]:
    """A component around the Deployments of each cell; variables and groups as maps."""
    resources: list[dict[str, Any]] = []
    for resource in state["deployment"]["resources"]:
        if resource["type"] == "deployment:index:Deployment":
            for values in (resource["inputs"], resource["outputs"]):
                values.update({name: unpacked(values[name]) for name in ("vars", "groups")})
                values["hosts"] = {
                    name: host | {"vars": unpacked(host["vars"])} for name, host in values["hosts"].items()
                }
            resource["outputs"]["applied"] = desired(resource["inputs"])
            if "cell" in resource["inputs"]:
                resources += _around(resource, resource["inputs"]["cell"], {one["urn"] for one in resources})
        resources.append(resource)
    return {**state, "deployment": {**state["deployment"], "resources": resources}}


def _around(deployment: dict[str, Any], cell: str, known: set[str]) -> list[dict[str, Any]]:
    """The component, if it is not there yet; the Deployment becomes its child."""
    site = deployment["parent"]
    before, _, _ = site.rpartition("::")
    component = {"urn": f"{before}${CELL}::{cell}", "custom": False, "type": CELL, "parent": site}
    deployment["urn"] = deployment["urn"].replace("$deployment:", f"${CELL}$deployment:")
    deployment["parent"] = component["urn"]
    return [] if component["urn"] in known else [component]


def pulumi(clone: GeneratedClone, *words: str) -> str:
    done = subprocess.run(
        [*WITHOUT_HOSTS, "pulumi", *words], cwd=clone.path, env=clone.variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("site", ["primary", "dr"])
def test_cells_that_were_components_lose_only_the_component(clone: GeneratedClone, site: str) -> None:
    stack, file = f"{NAME}-{site}", clone.path / f"{site}-before.json"
    now = json.loads((clone.path / f"{site}.json").read_text())
    before = as_before(json.loads(json.dumps(now)))
    file.write_text(json.dumps(before))
    pulumi(clone, "stack", "import", "-s", stack, "--file", str(file))

    plan = json.loads(pulumi(clone, "preview", "-s", stack, "--json", "--non-interactive"))
    changed = {step["urn"].rpartition("::")[2]: step["op"] for step in plan["steps"] if step["op"] != "same"}
    kept = [one["urn"] for one in now["deployment"]["resources"] if "providers" not in one["type"]]

    assert [one["type"] for one in before["deployment"]["resources"]].count(CELL) == 1
    assert changed == {"cell-1": "delete"}
    assert plan["changeSummary"] == {"same": len(kept), "delete": 1}
