"""A dr site on demand: only the journal's member is there, until the site is called by a person or a drill.

In the order of a day: one environment of four sites, whose dr-2 (core and gateway) comes, goes, and comes for a drill.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.lab.box import Box, wait_until
from tests.live.lab.cloud_site import ENVIRONMENT, CloudSite

pytestmark = pytest.mark.long  # builds a lab of its own, with six machines
GOAL_S = 240
DRILL_GOAL_S = 480  # members trade meanwhile, and six machines share the processors with whatever else runs
STAY = {"primary-1": "198.18.1.11", "primary-2": "198.18.1.12", "standby-1": "198.18.2.11", "dr-1": "198.18.3.11"}
_SERVICES = "'dingli-core@*' 'dingli-gateway@*' 'etcd*' 'dingli-firewall*' 'chrony*' 'prometheus-node-exporter*'"


def on_demand(text: str) -> str:
    """dr-1 keeps the journal's member; what else was there is on dr-2, which exists while the site is called."""
    declared = yaml.safe_load(text)
    declared["power"] = yaml.load(text, Loader=yaml.BaseLoader)["power"]  # where `on` is a word
    declared["sites"]["dr"]["readiness"] = "on_demand"
    declared["targets"]["site_call_s"] = DRILL_GOAL_S
    declared["hosts"]["dr-2"] = {**declared["hosts"]["dr-1"], "address": "198.18.3.12"}
    for cell in declared["cells"].values():
        for core in (core for core in cell["cores"] if core["host"] == "dr-1"):
            core["host"] = "dr-2"
        cell["gateways"] = ["dr-2" if host == "dr-1" else host for host in cell["gateways"]]
    return yaml.safe_dump(declared, sort_keys=False)


@pytest.fixture(scope="module")
def site(bare_box: Box) -> Iterator[CloudSite]:
    made = CloudSite(bare_box, Path(tempfile.mkdtemp(prefix="dingli-on-demand-")), racks=True)
    file = made.folder / "stacks" / "environments" / f"{ENVIRONMENT}.yaml"
    file.write_text(on_demand(file.read_text()))
    made.up_all()
    yield made
    made.close()


def test_until_it_is_called_only_the_journal_s_member_is_there_and_nobody_complains(site: CloudSite) -> None:
    assert list(site.instances()) == ["dr-1"]
    wait_until(lambda: _complaints(site) == [], "nobody complains", 60)


def test_a_call_makes_the_rest_and_touches_nothing_that_runs(site: CloudSite) -> None:
    before = _invocations(site)
    result, seconds = site.up_all("--call", "dr")
    print(f"\ncalled with --call, gate and all: {seconds:.1f} s, of which dr {result['sites']['dr']['seconds']:.1f} s")

    assert sorted(site.instances()) == ["dr-1", "dr-2"]
    assert "dr-2" in result["gate"]["smoke order"]["text"]
    assert result["gate"]["smoke order"]["state"] == "passed"
    assert {*result["sites"]["primary"]["changes"], *result["sites"]["standby"]["changes"]} == {"same"}
    assert _invocations(site) == before
    wait_until(lambda: _complaints(site) == [], "nobody complains", 60)
    assert result["sites"]["dr"]["seconds"] < GOAL_S


def test_a_plain_up_takes_it_away_again_and_says_so(site: CloudSite) -> None:
    before = _invocations(site)
    done = site.dingli("up", ENVIRONMENT, timeout_s=900)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "taken away with their disks, since nothing asks for them any more: dr-2" in done.stdout
    assert list(site.instances()) == ["dr-1"]
    assert _invocations(site) == before
    wait_until(lambda: _complaints(site) == [], "nobody complains", 60)


def test_the_drill_measures_how_long_a_call_takes_while_members_trade(site: CloudSite) -> None:
    before = _invocations(site)
    done = site.dingli("drill", "site_call", ENVIRONMENT, "--yes", "--json", timeout_s=1500)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    for moment in report["timeline"]:
        print(f"\n{moment['at_s']:8.1f} s  {moment['what']}", end="")
    print(f"\nlongest silence {report['fault_gap_s']} s, missing {report['rpo_commands']}")

    assert (report["verdict"], report["reasons"]) == ("pass", []), done.stderr
    assert list(site.instances()) == ["dr-1"]
    assert _invocations(site) == before


def _complaints(site: CloudSite) -> list[str]:
    said: dict[str, Any] = json.loads(site.dingli("status", ENVIRONMENT, "--json").stdout)
    found: list[str] = said["problems"]
    return found


def _invocations(site: CloudSite) -> dict[str, str]:
    """Of every service that runs on hosts that stay: which start of it this is."""
    script = f"systemctl show --property=Id,InvocationID {_SERVICES}"
    answers = {name: site.ssh("dingli-deploy", script, address) for name, address in STAY.items()}
    assert all("InvocationID=" in answer.stdout for answer in answers.values()), answers
    return {name: answer.stdout for name, answer in answers.items()}
