"""A journal with mutual TLS and users, whose tokens do not live for ever."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.live.minicore.rig import CoreProcess, Journal, running
from tests.live.minicore.secured import authority, secure, tls_of
from tests.waiting import wait_for


def test_a_core_keeps_leading_while_its_tokens_expire(tmp_path: Path) -> None:
    pki = authority(tmp_path, "etcd", "nobody")
    password = tmp_path / "password"
    password.write_text("word\n")
    server = tls_of(pki, "etcd")
    flags = (
        f"--trusted-ca-file={server['ca']}", f"--cert-file={server['cert']}", f"--key-file={server['key']}",
        "--client-cert-auth", "--auth-token-ttl=1",
    )  # fmt: skip
    journal = Journal(tmp_path, tls_of(pki, "nobody"), flags)
    try:
        journal.policy(one_minimal="automatic")
        journal.client = secure(journal.url, pki, password)
        access = {**tls_of(pki, "nobody"), "user": "minicore-alpha", "password_file": str(password)}
        core = CoreProcess("one/minimal", tmp_path, journal.url, lease_s=6, etcd=access)
        with running(core):
            wait_for(lambda: journal.status("one/minimal").get("role") == "leader")
            epoch = journal.entries()[-1][1].epoch
            # The lease lives for 6 s, and its thread calls every 2 s: tokens of 1 s are gone by then.
            wait_for(lambda: len(journal.entries()) > 40, within_s=60)
            assert {entry.epoch for _, entry in journal.entries()} == {epoch}
            core.signal_child(signal.SIGKILL)
            wait_for(lambda: journal.entries()[-1][1].epoch > epoch)
    finally:
        journal.close()
