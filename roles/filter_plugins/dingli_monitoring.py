"""What monitoring is known by, and what it knows its channels by. Only for tasks with no_log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import yaml

from dingli.monitoring.alertmanager import EMAIL_PASSWORD_FILE, WEBHOOK_URL_FILE
from dingli.monitoring.prometheus import PASSWORD_FILE, USER
from dingli.monitoring.variables import CHANNEL_SECRETS, PASSWORD, in_file
from dingli.pki import PasswordStore

_ROUNDS = 10
_SALT_BYTES = 16


def monitoring_files(monitoring: dict[str, Any], state: str) -> list[dict[str, Any]]:
    """The password of Prometheus and Alertmanager and its hash, the webhook's URL with its token, the mail password."""
    store = PasswordStore(Path(state) / "secrets")
    password = store.password(PASSWORD)
    files = [
        _file(PASSWORD_FILE, password),
        _file("/etc/prometheus/web.yml", _web(password)),
    ]
    if monitoring["webhook_url"] is not None:
        url = monitoring["webhook_url"].replace("{token}", store.password(CHANNEL_SECRETS["webhook"]))
        files.append(_file(WEBHOOK_URL_FILE, url))
    if monitoring["email"]:
        files.append(_file(EMAIL_PASSWORD_FILE, store.password(CHANNEL_SECRETS["email"])))
    return files


def monitoring_yaml(content: dict[str, Any]) -> str:
    """A configuration file; its templates get their braces back."""
    text = yaml.safe_dump(in_file(content), sort_keys=False, allow_unicode=True, width=120)
    return f"# Managed by role monitoring.\n{text}"


def _web(password: str) -> str:
    return (
        "# Managed by role monitoring.\n"
        "tls_server_config:\n"
        "  cert_file: /etc/dingli/pki/monitor.crt\n"
        "  key_file: /etc/dingli/pki/monitor.key\n"
        "  min_version: TLS12\n"
        f"basic_auth_users:\n  {USER}: {_hash(password)}\n"
    )


def _hash(password: str) -> str:
    """The same every time, or every run would change the file: the salt comes from the password, which is random."""
    salt = hashlib.sha256(b"monitoring " + password.encode()).digest()[:_SALT_BYTES]
    prefix = f"$2b${_ROUNDS}$".encode()
    return bcrypt.hashpw(password.encode(), prefix + _bcrypt_base64(salt)).decode()


def _bcrypt_base64(data: bytes) -> bytes:
    """bcrypt's own alphabet, 22 characters for 16 bytes."""
    alphabet = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    bits = int.from_bytes(data, "big") << (-len(data) * 8 % 6)
    digits = -(-len(data) * 8 // 6)
    return bytes(alphabet[bits >> 6 * place & 63] for place in reversed(range(digits)))


def _file(path: str, content: str) -> dict[str, Any]:
    """Without a newline at the end: Alertmanager takes it for a part of a password."""
    return {
        "path": path,
        "secret_content": content,
        "owner": "prometheus",
        "group": "prometheus",
        "mode": "0600",
    }


class FilterModule:
    """`dingli_monitoring | dingli_monitoring_files(dingli_state)` and so on."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dingli_monitoring_files": monitoring_files, "dingli_monitoring_yaml": monitoring_yaml}
