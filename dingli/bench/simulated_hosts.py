"""Hosts that are not there: one server answers SSH on every address of an environment, as its hosts would if nothing on
them had changed. `python -m dingli.bench.simulated_hosts ENV` runs in a network namespace of its own (`simulated.py`).

It knows the questions of a refresh: facts, sudo, and Ansible's modules, which it answers with "unchanged" unread.
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import sys
import threading

import paramiko
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from dingli import ssh
from dingli.bench.generated import host_key, machine_id
from dingli.environment import Environment, Host, load

__all__ = ["READY", "key_of"]

READY = "ready"
_PATIENCE_S = 120  # on a busy machine
_BECOME = re.compile(rb"BECOME-SUCCESS-[a-z]+")
_UNCHANGED = json.dumps({"changed": False, "invocation": {"module_args": {}}}).encode() + b"\n"
_FACTS = """arch={arch}
os={os}
machine_id={machine_id}
cores=8
memory_mib=32768
python=Python 3.13.5
"""


def key_of(host: str) -> paramiko.PKey:
    """The key with which `host` proves itself."""
    text = host_key(host).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return paramiko.Ed25519Key(file_obj=io.StringIO(text))


class _Session(paramiko.ServerInterface):
    """One connection to one host."""

    def __init__(self, host: Host, deploy_key: str) -> None:
        self._host = host
        self._deploy_key = deploy_key

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == ssh.DEPLOY_USER and key.get_base64() == self._deploy_key
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._run, args=(channel, command), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: bytes) -> None:
        become = _BECOME.search(command)
        try:
            if become is not None:  # Ansible sends the module when it sees this
                channel.sendall(become.group() + b"\n")
            while channel.recv(65536):  # the script or module on standard input: up to its end
                continue
            answer = _UNCHANGED if become is not None else self._answer(command)
            channel.sendall(answer or b"")
            channel.send_exit_status(127 if answer is None else 0)
        except (OSError, paramiko.SSHException):
            return  # the other side has gone
        finally:
            channel.close()

    def _answer(self, command: bytes) -> bytes | None:
        if command == b"sh -s":
            host = self._host
            return _FACTS.format(arch=host.arch.value, os=host.os.value, machine_id=machine_id(host.name)).encode()
        return b"" if command == b"sudo -n true" else None


def _serve(environment: Environment, port: int) -> None:
    hosts = {str(host.address): host for host in environment.hosts.values()}
    deploy_key = ssh.make_deploy_key(ssh.deploy_key(environment.name)).split()[1]
    listener = socket.create_server(("0.0.0.0", port), backlog=1024)  # noqa: S104 - of a namespace without a way out
    print(READY, flush=True)
    while True:
        connection, _ = listener.accept()
        host = hosts[connection.getsockname()[0]]
        threading.Thread(target=_greet, args=(connection, host, deploy_key), daemon=True).start()


def _greet(connection: socket.socket, host: Host, deploy_key: str) -> None:
    transport = paramiko.Transport(connection)
    transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = _PATIENCE_S
    transport.add_server_key(key_of(host.name))
    try:
        transport.start_server(event=threading.Event(), server=_Session(host, deploy_key))
    except (OSError, EOFError, paramiko.SSHException):
        transport.close()


if __name__ == "__main__":
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # a connection that ends is nothing to tell
    threading.Thread(target=_serve, args=(load(sys.argv[1]), 22), daemon=True).start()
    sys.stdin.read()  # it ends when whoever started it does
