#!/usr/bin/python
"""The host's half of certificates: keys are made here and stay here, requests leave, signed certificates come back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dingli_keys
short_description: Keys, requests and certificates of a host
description:
  - Run by the action plugin M(dingli_certificates), never by itself.
  - With O(phase=request) it puts the CA certificate in place, judges every declared certificate and makes a new key and
    request for those that are missing, wrong or due. In check mode it only judges.
  - With O(phase=install) it puts signed certificates beside their keys.
  - Needs nothing but Python's standard library and the openssl command.
options:
  phase: {description: Which half, type: str, choices: [request, install], required: true}
  folder: {description: Where certificates are kept, type: path, default: /etc/dingli/pki}
  ca: {description: The CA certificate as PEM, type: str, required: true}
  renew_under_days: {description: Days before expiry from which a certificate is due, type: int, default: 30}
  certificates:
    description: The declared certificates; O(phase=install) has the signed chain in C(chain).
    type: list
    elements: dict
    required: true
"""

import grp
import os
import pwd
import re
import stat
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule

_DAY_S = 86400


class Keys:
    """The certificates of one host, in one folder."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.folder = module.params["folder"]
        self.changes: list[str] = []

    def path(self, name: str, suffix: str) -> str:
        return os.path.join(self.folder, f"{name}.{suffix}")

    @property
    def ca_path(self) -> str:
        return self.path("ca", "crt")

    def note(self, change: str) -> None:
        self.changes.append(f"would {change}" if self.module.check_mode else change)

    # -- judging -------------------------------------------------------------------------------------------------------

    def reason(self, wanted: dict) -> str | None:
        """Why a certificate has to be made anew, or None if it serves."""
        key, certificate = self.path(wanted["name"], "key"), self.path(wanted["name"], "crt")
        missing = [path for path in (key, certificate) if not os.path.exists(path)]
        if missing:
            return f"{os.path.basename(missing[0])} is missing"
        shown = ("-pubkey", "-subject", "-enddate", "-nameopt", "RFC2253", "-ext", "subjectAltName,extendedKeyUsage")
        due_in_s = str(self.module.params["renew_under_days"] * _DAY_S)
        seen = openssl("x509", "-in", certificate, "-noout", *shown, "-checkend", due_in_s)
        if "BEGIN PUBLIC KEY" not in seen.stdout:
            return "it cannot be read"
        if seen.returncode != 0:
            ending = re.search(r"notAfter=(.*)", seen.stdout)
            return f"it expires {ending.group(1) if ending else 'soon'}"
        return self.mismatch(wanted, seen.stdout, key, certificate)

    def mismatch(self, wanted: dict, text: str, key: str, certificate: str) -> str | None:
        common_name = re.search(r"subject=.*CN=([^,\n]+)", text)
        if (common_name.group(1) if common_name else "") != wanted["cn"]:
            return "its name is another"
        names = set(re.findall(r"(?:DNS|IP Address):([^,\s]+)", text))
        if names != set(wanted["sans"]):
            return f"it names {', '.join(sorted(names)) or 'nothing'}, expected {', '.join(sorted(wanted['sans']))}"
        usages = {
            usage for words, usage in (("Server Auth", "serverAuth"), ("Client Auth", "clientAuth")) if words in text
        }
        if usages != set(wanted["usages"]):
            return "its usages are others"
        if openssl("pkey", "-in", key, "-pubout").stdout.strip() not in text:
            return "its key is another"
        if openssl("verify", "-CAfile", self.ca_path, "-untrusted", certificate, certificate).returncode != 0:
            return "its chain does not lead to the CA"
        return None

    # -- requesting ----------------------------------------------------------------------------------------------------

    def request_all(self) -> dict[str, str]:
        """Requests by certificate name; in check mode the names with empty requests."""
        ca_changes = read(self.ca_path) != self.module.params["ca"]
        if ca_changes:
            self.note(f"write {self.ca_path}")
            if not self.module.check_mode:
                os.makedirs(self.folder, mode=0o755, exist_ok=True)
                put(self.ca_path, self.module.params["ca"], 0o644, 0, 0)
        requests = {}
        for wanted in self.module.params["certificates"]:
            why = self.reason(wanted) or ("the CA changes" if ca_changes and self.module.check_mode else None)
            if why is None:
                self.protect(wanted)
                continue
            self.note(f"renew {wanted['name']}: {why}")
            requests[wanted["name"]] = "" if self.module.check_mode else self.request(wanted)
        return requests

    def request(self, wanted: dict) -> str:
        """A new key beside the present one, which serves on until the certificate for the new one is here."""
        key = self.path(wanted["name"], "key.new")
        previous = os.umask(0o077)
        try:
            self.must("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        finally:
            os.umask(previous)
        return self.must("req", "-new", "-key", key, "-subj", f"/CN={wanted['cn']}" if wanted["cn"] else "/")

    def must(self, *arguments: str) -> str:
        done = openssl(*arguments)
        if done.returncode != 0:
            self.module.fail_json(
                msg=f"openssl {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    # -- installing ----------------------------------------------------------------------------------------------------

    def install(self, wanted: dict) -> None:
        name = wanted["name"]
        key, new_key, certificate = self.path(name, "key"), self.path(name, "key.new"), self.path(name, "crt")
        uid, gid = self.owner(wanted)
        new_certificate = self.path(name, "crt.new")
        put(new_certificate, wanted["chain"], 0o644, uid, gid)
        public = openssl("x509", "-in", new_certificate, "-noout", "-pubkey").stdout.strip()
        if not public or public != openssl("pkey", "-in", new_key, "-pubout").stdout.strip():
            self.module.fail_json(msg=f"the certificate for {name} is not for the key made here; run again")
        if openssl("verify", "-CAfile", self.ca_path, "-untrusted", new_certificate, new_certificate).returncode != 0:
            self.module.fail_json(
                msg=f"the chain of {name} does not lead to {self.ca_path}; look at: dingli pki status"
            )
        os.chown(new_key, uid, gid)
        os.chmod(new_key, 0o600)
        os.rename(new_key, key)
        os.rename(new_certificate, certificate)
        self.note(f"install {name}")

    def owner(self, wanted: dict) -> tuple[int, int]:
        try:
            return pwd.getpwnam(wanted["owner"]).pw_uid, grp.getgrnam(wanted["group"]).gr_gid
        except KeyError:
            account = f"{wanted['owner']}:{wanted['group']}"
            return self.module.fail_json(msg=f"{wanted['name']}: no account {account} on this host; role base makes it")

    def protect(self, wanted: dict) -> None:
        """Owner and mode of a certificate that serves."""
        uid, gid = self.owner(wanted)
        for suffix, mode in (("key", 0o600), ("crt", 0o644)):
            path = self.path(wanted["name"], suffix)
            now = os.stat(path)
            if (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid) != (mode, uid, gid):
                self.note(f"set owner and mode of {path}")
                if not self.module.check_mode:
                    os.chown(path, uid, gid)
                    os.chmod(path, mode)


def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def read(path: str) -> str | None:
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def put(path: str, text: str, mode: int, uid: int, gid: int) -> None:
    """Whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".dingli-")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.chown(temporary, uid, gid)
    os.chmod(temporary, mode)
    os.rename(temporary, path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "phase": {"type": "str", "choices": ["request", "install"], "required": True},
            "folder": {"type": "path", "default": "/etc/dingli/pki"},
            "ca": {"type": "str", "required": True},
            "renew_under_days": {"type": "int", "default": 30},
            "certificates": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    keys = Keys(module)
    requests: dict[str, str] = {}
    if module.params["phase"] == "request":
        requests = keys.request_all()
    else:
        for wanted in module.params["certificates"]:
            keys.install(wanted)
    module.exit_json(changed=bool(keys.changes), changes=keys.changes, requests=requests)


if __name__ == "__main__":
    main()
