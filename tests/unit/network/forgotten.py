"""A client's host loses its power and comes back; prints what its server, who did not notice, is told.

Standard input: `{"server": {address, rules}, "client": {address, rules}, "port": N}`. Below `unshare`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from world import plug, run  # type: ignore[import-not-found]  # beside this file, without the package

_SERVER = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("listening", flush=True)
peer = server.accept()[0]
assert peer.recv(1) == b"x"
print("connected", flush=True)
sys.stdin.readline()
peer.settimeout(15)
try:
    peer.sendall(b"y")
    print("closed" if not peer.recv(1) else "data")
except ConnectionResetError:
    print("reset")
except TimeoutError:
    print("silence")
"""
_CLIENT = """
import socket, sys, time
opened = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
opened.sendall(b"x")
time.sleep(600)
"""


def _start(name: str, program: str, *words: str) -> subprocess.Popen[str]:
    command = ["ip", "netns", "exec", name, sys.executable, "-I", "-c", program, *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def main(plan: dict[str, Any]) -> str:
    """`reset`, or `silence`."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "add", "switch", "type", "bridge")
    run("ip", "link", "set", "switch", "up")
    plug("server", 0, plan["server"], 16)
    plug("client", 1, plan["client"], 16)
    server = _start("server", _SERVER, str(plan["port"]))
    assert _heard(server) == "listening"
    client = _start("client", _CLIENT, plan["server"]["address"], str(plan["port"]))
    assert _heard(server) == "connected"
    run("ip", "link", "delete", "port1")
    client.kill()
    client.wait()
    run("ip", "netns", "delete", "client")
    plug("client", 2, plan["client"], 16)
    run("ip", "-n", "server", "neighbour", "flush", "all")
    assert server.stdin is not None
    server.stdin.write("go on\n")
    server.stdin.flush()
    return _heard(server)


if __name__ == "__main__":
    print(main(json.load(sys.stdin)))
