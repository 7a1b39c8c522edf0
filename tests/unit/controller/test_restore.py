"""Another clone becomes the controller, wholly or not at all."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner

from dingli.cli.controller import app
from dingli.controller import Altered, Conflict, ControllerError, WrongKey
from dingli.controller.contents import target_of
from dingli.controller.envelope import parse, seal
from dingli.controller.export import carry_away, export
from dingli.controller.recovery import RecoveryKey, make_key, maker_of, read_key
from dingli.controller.restore import restore
from dingli.evidence import Result, Store, manifest, run
from dingli.evidence.verification import Level, verify
from dingli.pki import Places, initialise

from .conftest import HANDOVER_KEY, NAME, Clone, Exported, declaration


def brought(exported: Exported, fresh: Clone, *, replace: bool = False) -> None:
    with fresh.inside():
        restore(exported.sealed, exported.key, replace=replace)


def test_everything_that_a_controller_needs_arrives_and_what_can_be_made_again_stays(
    exported: Exported, fresh: Clone
) -> None:
    brought(exported, fresh)

    before, after = exported.clone.files(), fresh.files()
    fresh_only = {f".dingli/{NAME}/evidence-continues.json", f".dingli/{NAME}/handover.yaml"}
    assert {name for name in after if ".dingli/replaced-" not in name} - before.keys() == fresh_only
    left = before.keys() - after.keys()
    assert left == {name for name in before if name.startswith(f".dingli/{NAME}/evidence/") or "other-one" in name}
    for name in after.keys() & before.keys():
        assert after[name] == before[name], name
    for name in ("passphrase", f"{NAME}/secrets/deploy_key", f"{NAME}/pki/intermediate.key"):
        assert stat.S_IMODE((fresh.path / ".dingli" / name).stat().st_mode) == 0o600


def test_the_root_key_stays_where_it_was_and_no_other_is_made(exported: Exported, fresh: Clone) -> None:
    assert list(exported.clone.data.rglob("root.key"))
    brought(exported, fresh)
    with fresh.inside():
        assert not initialise(Places.of(NAME, fresh.state))
    assert not list(fresh.path.rglob("root.key"))
    assert not list(fresh.data.rglob("root.key"))


def test_host_keys_of_the_hand_over_are_known_where_its_file_is_not(exported: Exported, fresh: Clone) -> None:
    brought(exported, fresh)
    with fresh.inside() as environment:
        assert environment is not None
        assert environment.hosts["a"].host_key_sha256 == HANDOVER_KEY


def test_the_next_run_follows_the_last_one_of_the_earlier_controller(exported: Exported, fresh: Clone) -> None:
    brought(exported, fresh)
    last = manifest.head_of(Store(NAME, exported.clone.state).folders()[-1])
    with fresh.inside() as environment:
        assert environment is not None
        (fresh.state / "known_hosts").unlink()  # no witness is asked
        with run(environment, "up", "elsewhere") as opened:
            opened.result = Result.PASSED
        store = Store.of(NAME)
        said = manifest.read(store.folders()[-1])
        verdict = verify(store, fresh.path / "no signers", [])

    assert (said.number, said.previous) == (3, last)
    assert verdict.level is Level.UNPROVEN
    assert any("runs 1 to 2 were another controller's" in finding.found for finding in verdict.findings)


def test_the_earlier_controllers_evidence_can_be_brought_later(exported: Exported, fresh: Clone) -> None:
    brought(exported, fresh)
    for name, data in exported.clone.files().items():
        if name.startswith(f".dingli/{NAME}/evidence/"):
            (fresh.path / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh.path / name).write_bytes(data)
    verdict = verify(Store(NAME, fresh.state), fresh.path / "no signers", [])

    assert verdict.level is Level.UNPROVEN
    assert not any("another controller" in finding.found for finding in verdict.findings)


def test_the_new_controller_makes_exports_that_the_same_key_opens(exported: Exported, fresh: Clone) -> None:
    brought(exported, fresh)
    with fresh.inside() as environment:
        assert environment is not None
        again = parse(export(environment)).open(exported.key)
    assert again == exported.sealed.open(exported.key)


def test_the_same_import_again_changes_nothing(exported: Exported, fresh: Clone) -> None:
    brought(exported, fresh)
    before = fresh.files()
    brought(exported, fresh)
    assert fresh.files() == before


def _another_key(exported: Exported) -> tuple[bytes, RecoveryKey]:
    return exported.data, RecoveryKey(NAME, X25519PrivateKey.generate(), exported.key.signer)


def _altered(exported: Exported) -> tuple[bytes, RecoveryKey]:
    return exported.data[:-1] + bytes([exported.data[-1] ^ 1]), exported.key


def _with(exported: Exported, **extra: bytes) -> tuple[bytes, RecoveryKey]:
    with exported.clone.inside() as environment:
        assert environment is not None
        maker = maker_of(environment)
    files = exported.sealed.open(exported.key) | extra
    return seal(files, NAME, "2026-11-21T07:30:00Z", "me", maker), exported.key


def _leading_out(exported: Exported) -> tuple[bytes, RecoveryKey]:
    return _with(exported, **{"kept/secrets/../../../../etc/passwd": b""})


def _of_another_environment(exported: Exported) -> tuple[bytes, RecoveryKey]:
    return _with(exported, **{"state/other-one.json": b"{}"})


@pytest.mark.parametrize(
    ("spoil", "error"),
    [(_another_key, WrongKey), (_altered, Altered), (_leading_out, Altered), (_of_another_environment, Altered)],
)
def test_an_export_that_is_refused_leaves_the_clone_as_it_was(
    exported: Exported,
    fresh: Clone,
    spoil: Callable[[Exported], tuple[bytes, RecoveryKey]],
    error: type[ControllerError],
) -> None:
    data, key = spoil(exported)
    before = fresh.files(), fresh.folders()
    with fresh.inside(), pytest.raises(error):
        restore(parse(data), key)
    assert (fresh.files(), fresh.folders()) == before


def test_a_place_that_cannot_be_written_takes_everything_back(exported: Exported, fresh: Clone) -> None:
    fresh.state.mkdir(parents=True)
    (fresh.state / "unfinished").write_text("a file where a folder belongs; it comes after many others")
    before = fresh.files(), fresh.folders()
    with fresh.inside(), pytest.raises(ControllerError, match="nothing was written"):
        restore(exported.sealed, exported.key)
    assert (fresh.files(), fresh.folders()) == before


def test_what_the_clone_has_is_kept_unless_it_may_be_replaced(exported: Exported, fresh: Clone) -> None:
    file = fresh.path / "stacks" / "environments" / f"{NAME}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(declaration().replace("orders_per_s: 500", "orders_per_s: 600"))
    before = fresh.files()
    with pytest.raises(Conflict, match=r"stacks/environments/base\.yaml; nothing was written"):
        brought(exported, fresh)
    assert fresh.files() == before

    brought(exported, fresh, replace=True)
    aside = list((fresh.path / ".dingli").glob("replaced-*"))
    assert (aside[0] / "stacks" / "environments" / f"{NAME}.yaml").read_bytes() == before[
        f"stacks/environments/{NAME}.yaml"
    ]
    assert (aside[0] / ".dingli" / "passphrase").read_text() == "made by make setup\n"
    assert "500" in file.read_text()


def test_a_passphrase_that_another_environment_needs_is_never_replaced(exported: Exported, fresh: Clone) -> None:
    (fresh.path / "stacks").mkdir()
    (fresh.path / "stacks" / "Pulumi.other-one.yaml").write_text("encryptionsalt: v1:def\n")
    with pytest.raises(Conflict, match="other-one need it"):
        brought(exported, fresh, replace=True)


def test_with_state_in_a_bucket_the_exports_copy_is_only_kept(exported: Exported, fresh: Clone) -> None:
    data, key = _with(exported, **{"environment.yaml": declaration(bucket=True).encode()})
    with fresh.inside():
        assert restore(parse(data), key).shared_state
    assert not list((fresh.path / ".dingli" / "pulumi").rglob("*.json"))
    kept = json.loads((fresh.state / "state-copy" / "base-one.json").read_text())
    assert kept == {"version": 3, "deployment": {"resources": []}}


@pytest.mark.parametrize(
    "name", ["", "..", "passphrase/x", "kept/evidence/1", "kept/../passphrase", "settings/other-a.yaml", "/etc/passwd"]
)
def test_no_name_leads_elsewhere(name: str) -> None:
    with pytest.raises(Altered):
        target_of(name, NAME, shared_state=False)


def test_a_recovery_key_is_read_back_from_its_file_and_nothing_else_is(tmp_path: Path, fresh: Clone) -> None:
    with fresh.inside():
        key, file = make_key(NAME, tmp_path / "k")
    assert read_key(file).text() == key.text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for text in ("", "no key", "dingli-recovery-1:base:AAAA", "dingli-recovery-1:base"):
        file.write_text(text)
        with pytest.raises(WrongKey):
            read_key(file)
    with pytest.raises(WrongKey, match="No such file"):
        read_key(tmp_path / "none")


def test_a_production_environment_without_a_recovery_key_is_not_carried_away(exported: Exported, fresh: Clone) -> None:
    brought(exported, fresh)
    (fresh.state / "secrets" / "export-maker.json").unlink()
    said: list[str] = []
    with fresh.inside() as environment:
        assert environment is not None
        found = carry_away(environment, said.append)
    assert not found.ok
    assert f"dingli controller key {NAME}" in said[0]


def test_the_commands_make_a_key_an_export_and_another_controller(
    exporter: Callable[..., Exported], fresh: Clone, tmp_path: Path
) -> None:
    exported = exporter()
    runner, file, key = CliRunner(), tmp_path / "base.export", tmp_path / "base.key"
    with exported.clone.inside():
        made = runner.invoke(app, ["key", NAME, "--to", str(key), "--replace", "--json"])
        written = runner.invoke(app, ["export", NAME, "--to", str(file), "--json"])
    with fresh.inside():
        taken = runner.invoke(app, ["import", str(file), "--key", str(key), "--json"])

    assert json.loads(made.stdout)["recipient"] == json.loads(written.stdout)["recipient"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert taken.exit_code == 0, taken.output
    assert f".dingli/{NAME}/secrets/deploy_key" in json.loads(taken.stdout)["written"]
