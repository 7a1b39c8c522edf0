"""Sessions that conntrack does not know: what their ends hear of each other, with packet filters on both hosts.

Standard input: `{"server": {address, rules}, "client": {address, rules}, "port": N, "story": …}`. The stories:
`power`: the client's host loses its power and comes back, and the server sends something.
`older`: an idle session is older than the rules, and the client ends it.
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
said = sys.stdin.readline().encode()
peer.settimeout(15)
try:
    if said != b"\\n":
        peer.sendall(said)
    print("data" if peer.recv(1) else "closed")
except ConnectionResetError:
    print("reset")
except TimeoutError:
    print("silence")
"""
_CLIENT = """
import socket, sys
opened = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
opened.sendall(b"x")
sys.stdin.readline()
opened.close()
"""


def _start(name: str, program: str, *words: str) -> subprocess.Popen[str]:
    command = ["ip", "netns", "exec", name, sys.executable, "-I", "-c", program, *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _say(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words + "\n")
    process.stdin.flush()


def main(plan: dict[str, Any]) -> str:
    """`reset`, `closed`, `data` or `silence`: what the server heard."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "add", "switch", "type", "bridge")
    run("ip", "link", "set", "switch", "up")
    older = plan["story"] == "older"
    for number, name in enumerate(("server", "client")):
        plug(name, number, plan[name] | ({"rules": ""} if older else {}), 16)
    server = _start("server", _SERVER, str(plan["port"]))
    assert _heard(server) == "listening"
    client = _start("client", _CLIENT, plan["server"]["address"], str(plan["port"]))
    assert _heard(server) == "connected"
    if older:
        for name in ("server", "client"):
            if plan[name]["rules"]:
                run("ip", "netns", "exec", name, "nft", "-f", "-", stdin=plan[name]["rules"])
        _say(client, "end")
        _say(server, "")
    else:
        run("ip", "link", "delete", "port1")
        client.kill()
        client.wait()
        run("ip", "netns", "delete", "client")
        plug("client", 2, plan["client"], 16)
        run("ip", "-n", "server", "neighbour", "flush", "all")
        _say(server, "are you there?")
    return _heard(server)


if __name__ == "__main__":
    print(main(json.load(sys.stdin)))
