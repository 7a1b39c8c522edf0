"""From the output of a host's script to data."""

from __future__ import annotations

import shlex
import subprocess
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from dingli.status.answers import parse
from dingli.status.questions import script
from tests.unit.status import observed


def certificate(expires: datetime) -> str:
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, expires - timedelta(days=90), expires)
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


def test_the_clock_is_bounded_from_both_sides() -> None:
    answer = "@@ began 0\n5000000000\n@@ ended 0\n6000000000\n"
    seen = parse("a", answer, sent_ns=4_900_000_000, received_ns=6_030_000_000)
    assert (seen.clock_ms, seen.took_s, seen.at_ns) == ((-30, 100), 1.13, 6_000_000_000)


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    text = observed.answer("primary-1")
    assert parse("a", text[: len(text) // 2], 0, 1).trouble is not None
    assert parse("a", "", 0, 1).trouble is not None


def test_of_a_file_of_certificates_the_first_to_expire_counts() -> None:
    soon, late = datetime(2027, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    files = f"==> /etc/dingli/pki/ca.crt <==\n{certificate(late)}\n==> /etc/dingli/pki/etcd.crt <==\n"
    text = f"@@ began 0\n1\n@@ certificates 0\n{files}{certificate(soon)}{certificate(late)}\n@@ ended 0\n2\n"
    assert parse("a", text, 0, 3).certificates == {"ca": late, "etcd": soon}


def test_a_part_that_fails_takes_no_other_with_it() -> None:
    text = (
        observed.answer("dr-1")
        .replace("@@ member 0", "@@ member 124")
        .replace("@@ gateway-alpha 0", "@@ gateway-alpha 1")
    )
    seen = parse("dr-1", text.replace("quota-backend-bytes: 8", "quota-backend-bytes: x"), 0, 1)
    assert seen.failed["member"] == "no answer in time"
    assert seen.member is not None
    assert not seen.member.answered
    assert "gateway-alpha" in seen.failed
    assert "not understood" in seen.failed["quota"]
    assert seen.cells["alpha"]["cell"] == "alpha"


def test_the_script_says_what_failed_and_what_took_too_long() -> None:
    """With the one line that asks a host replaced by three of our own: the frame is what is tried."""
    frame = script(observed.environment(), "ops-1")
    asked = next(line for line in frame.splitlines() if line.startswith("part certificates"))
    ours = "part good echo fine &\npart bad bash -c 'echo broken >&2; exit 3' &\npart slow sleep 60 &"
    fast = frame.replace(asked, ours).replace("-k 1 4", "-k 1 1")
    done = subprocess.run(["bash", "-s"], input=fast, capture_output=True, text=True, check=True)
    seen = parse("a", done.stdout, 0, 1)
    assert seen.failed == {"bad": "broken", "slow": "no answer in time"}
    assert seen.at_ns > 0
    assert "@@ good 0\nfine\n" in done.stdout


def test_a_host_is_asked_about_what_it_runs() -> None:
    environment = observed.environment()
    scripts = {host: script(environment, host) for host in environment.hosts}
    assert {host for host, text in scripts.items() if "etcdctl" in text} == set(environment.journal.members)
    assert {host for host, text in scripts.items() if "dingli-core-ctl alpha" in text} == {"primary-1", "dr-1"}
    assert {host for host, text in scripts.items() if "gateway-alpha" in text} == {"primary-2", "standby-1", "dr-1"}
    assert all(shlex.split(text) for text in scripts.values())
