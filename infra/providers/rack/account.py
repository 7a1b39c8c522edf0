"""The deploy account on a host, and who is used once to make it: root's key, or the user of a cloud's image.

All scripts run as root and change nothing when run again. The account has no password, so none may expire: on a host
where new accounts have to renew theirs, the key would be refused after that time.
"""

from __future__ import annotations

import shlex

from dingli.ssh import DEPLOY_USER, Connection

__all__ = ["ROOT_LOGIN", "adopt", "disable_first_user", "disable_root_key", "release"]

_DISABLED = "#disabled-by-dingli# "
ROOT_LOGIN = "00-given-back.conf"  # sshd takes the first value it reads: before whatever roles have set

_MAKE = r"""
set -eu
user=%(user)s key=%(key)s
id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --comment 'Dingli deployment' "$user"
usermod -p '*' "$user"
chage --maxdays -1 "$user"
home=$(getent passwd "$user" | cut -d: -f6)
install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
umask 077
printf '%%s\n' "$key" > "$home/.ssh/authorized_keys"
chown "$user:$user" "$home/.ssh/authorized_keys"
printf '%%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" > /etc/sudoers.d/.%(user)s
visudo -cqf /etc/sudoers.d/.%(user)s
chmod 0440 /etc/sudoers.d/.%(user)s
mv /etc/sudoers.d/.%(user)s /etc/sudoers.d/%(user)s
"""

_DISABLE_ROOT_KEY = r"""
set -eu
if [ -f /etc/ssh/sshd_config.d/%(root_login)s ]; then
    rm /etc/ssh/sshd_config.d/%(root_login)s
    systemctl reload ssh
fi
file=/root/.ssh/authorized_keys
[ -f "$file" ] || exit 0
awk -v key=%(key)s -v mark=%(mark)s 'index($0, key) && index($0, "#") != 1 { print mark $0; next } { print }' \
    "$file" > "$file.new"
cmp -s "$file" "$file.new" && { rm "$file.new"; exit 0; }
chmod 0600 "$file.new"
mv "$file.new" "$file"
"""

_DISABLE_USER = r"""
set -eu
user=%(user)s
id "$user" >/dev/null 2>&1 || exit 0
usermod --lock --expiredate 1 "$user"
rm -f "$(getent passwd "$user" | cut -d: -f6)/.ssh/authorized_keys"
"""

_RELEASE = r"""
set -eu
file=/root/.ssh/authorized_keys
[ ! -f "$file" ] || sed -i 's/^%(mark)s//' "$file"
printf 'PermitRootLogin prohibit-password\n' > /etc/ssh/sshd_config.d/%(root_login)s
systemctl reload ssh
rm -f /etc/sudoers.d/%(user)s
userdel --force --remove %(user)s 2>/dev/null || ! id %(user)s >/dev/null 2>&1
"""


def adopt(connection: Connection, public_key: str) -> None:
    """Make the deploy account with `public_key` and sudo. The connection is root's, or the deploy account's own."""
    _as_root(connection, _MAKE % {"user": DEPLOY_USER, "key": shlex.quote(public_key)})


def disable_root_key(connection: Connection, public_key_base64: str) -> None:
    """Comment out root's authorized_keys entry of the key that was handed over."""
    script = _DISABLE_ROOT_KEY % {
        "key": shlex.quote(public_key_base64),
        "mark": shlex.quote(_DISABLED),
        "root_login": ROOT_LOGIN,
    }
    _as_root(connection, script)


def disable_first_user(connection: Connection, user: str) -> None:
    """Let nobody in any more as the user whom the machine's image came with."""
    _as_root(connection, _DISABLE_USER % {"user": shlex.quote(user)})


def release(connection: Connection) -> None:
    """Give the machine back: root's key counts again, the deploy account is gone."""
    _as_root(connection, _RELEASE % {"user": DEPLOY_USER, "mark": _DISABLED, "root_login": ROOT_LOGIN})


def _as_root(connection: Connection, script: str) -> None:
    shell = "sh -s" if connection.target.user == "root" else "sudo -n sh -s"
    connection.run(shell, stdin=script, timeout_s=120)
