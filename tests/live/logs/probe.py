"""Run on a host as root by the tests: what somebody there can say to the central logs. Prints JSON.

The settings of the sender come first on standard input, then the message of a line that claims to be another host's.
"""

import json
import socket
import ssl
import subprocess
import sys
import tempfile

SETTINGS = json.loads(sys.stdin.readline())
MESSAGE = sys.stdin.readline().strip()
PATIENCE_S = 20


def plain() -> socket.socket:
    return socket.create_connection((SETTINGS["address"], SETTINGS["port"]), timeout=PATIENCE_S)


def told(certificate: str, key: str) -> str:
    """What the server says to a certificate; nothing if it lets nobody in with it."""
    context = ssl.create_default_context(cafile=SETTINGS["ca"])
    if certificate:
        context.load_cert_chain(certificate, key)
    try:
        with context.wrap_socket(plain(), server_hostname=SETTINGS["address"]) as server:
            return server.recv(4096).decode()
    except (ConnectionError, ssl.SSLError):
        return ""


def told_in_clear() -> str:
    with plain() as server:
        server.sendall(b"<13>1 - - - - - - a line of syslog\n")
        try:
            return "after" if b"after" in server.recv(4096) else ""
        except ConnectionError:
            return ""


def self_signed() -> tuple[str, str]:
    """A certificate with this host's right name, of nobody's authority."""
    folder = tempfile.mkdtemp(dir="/dev/shm")
    name = subprocess.run(
        ["openssl", "x509", "-in", SETTINGS["cert"], "-noout", "-subject", "-nameopt", "multiline"],
        capture_output=True, text=True, check=True,
    ).stdout.rpartition("= ")[2].strip()  # fmt: skip
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    files = f"{folder}/crt", f"{folder}/key"
    subprocess.run([*made, "-subj", f"/CN={name}", "-out", files[0], "-keyout", files[1]], check=True)
    return files


def claim_to_be(other: str) -> None:
    """Send a line in another host's name, behind the last one that is stored, so that the sender goes on from there."""
    context = ssl.create_default_context(cafile=SETTINGS["ca"])
    context.load_cert_chain(SETTINGS["cert"], SETTINGS["key"])
    with context.wrap_socket(plain(), server_hostname=SETTINGS["address"]) as server:
        after = json.loads(server.recv(4096))["after"]
        line = {"__CURSOR": after, "__REALTIME_TIMESTAMP": str(int(SETTINGS["now_us"])), "MESSAGE": MESSAGE}
        server.sendall(json.dumps(line | {"_HOSTNAME": other, "host": other}).encode() + b"\n")
        server.shutdown(socket.SHUT_WR)


foreign = self_signed()
print(json.dumps({
    "in clear": told_in_clear(),
    "without a certificate": told("", ""),
    "another authority": told(*foreign),
    "another program": told(SETTINGS["program_cert"], SETTINGS["program_key"]),
    "its own": told(SETTINGS["cert"], SETTINGS["key"]),
}))  # fmt: skip
subprocess.run(["rm", "-r", foreign[0].rpartition("/")[0]], check=True)
claim_to_be(SETTINGS["other"])
