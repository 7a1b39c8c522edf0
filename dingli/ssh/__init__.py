"""One SSH client for everything that talks to a host: bastions, strict host keys, one key offered.

`target(environment, "host-1")` says how a host is reached; `connect` opens it with paramiko; `openssh_options` gives
the same settings to programs that start `ssh` (Ansible, testinfra).
"""

from dingli.ssh.connection import Connection, Result, connect, offered_fingerprints
from dingli.ssh.deploy_key import make_deploy_key
from dingli.ssh.exceptions import AuthenticationRefused, CommandFailed, HostKeyRefused, SshError, Unreachable
from dingli.ssh.known_hosts import KnownHosts, fingerprint
from dingli.ssh.target import DEPLOY_USER, Jump, Target, deploy_key, known_hosts_file, openssh_options, target

__all__ = [
    "DEPLOY_USER",
    "AuthenticationRefused",
    "CommandFailed",
    "Connection",
    "HostKeyRefused",
    "Jump",
    "KnownHosts",
    "Result",
    "SshError",
    "Target",
    "Unreachable",
    "connect",
    "deploy_key",
    "fingerprint",
    "known_hosts_file",
    "make_deploy_key",
    "offered_fingerprints",
    "openssh_options",
    "target",
]
