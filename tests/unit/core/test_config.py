"""A configuration that cannot be used is refused with every mistake that it has."""

import json
from pathlib import Path
from typing import Any

import pytest
from dingli_core.config import load
from dingli_core.exceptions import ConfigurationError

GOOD: dict[str, Any] = {
    "cell": "alpha",
    "core_id": "primary-1/main",
    "kind": "main",
    "takeover": "automatic",
    "lease_s": 2,
    "generation": 1,
    "listen": "198.18.1.11:7400",
    "advertise": "198.18.1.11:7400",
    "metrics": "198.18.1.11:7401",
    "etcd": {"endpoints": ["https://198.18.1.11:2379"], "ca": "/c", "cert": "/d", "key": "/k"},
    "tls": {"ca": "/c", "cert": "/d", "key": "/k"},
    "revision": 1,
    "max_age_ms": 5000,
    "instruments": [{"symbol": "AU", "tick": 100, "max_quantity": 10, "min_price": 100, "max_price": 900}],
    "state_dir": "/var/lib/dingli/core-alpha",
    "same_city_journal_members": ["primary-1", "standby-1"],
    "site": "primary",
    "city": "one",
    "cores": [{"id": "primary-1/main", "kind": "main", "takeover": "automatic"}],
}


def problems(folder: Path, **changes: object) -> str:
    path = folder / "core.json"
    path.write_text(json.dumps({**GOOD, **changes}))
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_good_file_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "core.json"
    path.write_text(json.dumps(GOOD))
    assert load(path).host == "primary-1"


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, lease_s=0, takeover="perhaps", colour="red")
    assert all(name in found for name in ("lease_s", "takeover", "colour"))


def test_gateways_are_not_served_in_clear_text_beyond_loopback(tmp_path: Path) -> None:
    assert "only a loopback address" in problems(tmp_path, tls=None)


def test_a_symbol_stated_twice_is_refused(tmp_path: Path) -> None:
    assert "AU" in problems(tmp_path, instruments=GOOD["instruments"] * 2)


def test_half_of_the_certificate_files_are_refused(tmp_path: Path) -> None:
    assert "go together" in problems(tmp_path, etcd={"endpoints": ["https://198.18.1.11:2379"], "ca": "/c"})
