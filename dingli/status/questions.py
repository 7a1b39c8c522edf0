"""What a host is asked, in one script: all its parts at once, each with a longest time.

It prints, for each part, a line `@@ PART STATUS` and then the part's output (its complaint, if the status is not 0).
"""

from __future__ import annotations

import shlex

from dingli.cell.members import status_command
from dingli.environment import CoreKind, Environment

__all__ = ["PART_S", "script"]

PART_S = 4
_HEAD = f"""umask 077
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
printf '@@ began 0\\n%s\\n' "$(date +%s%N)"
part() {{
  local name=$1; shift
  timeout -k 1 {PART_S} "$@" >"$out/$name" 2>"$out/$name.error"
  echo $? >"$out/$name.status"
}}
"""
_TAIL = """wait
for status in "$out"/*.status; do
  name=${status%.status}; result=$(cat "$status")
  printf '@@ %s %s\\n' "${name##*/}" "$result"
  [ "$result" = 0 ] || name=$name.error
  cat "$name"; echo
done
printf '@@ ended 0\\n%s\\n' "$(date +%s%N)"
"""


def script(environment: Environment, host: str) -> str:
    """For `bash -s` as root on the host; what it asks follows from what the environment file puts there."""
    lines = ["part certificates tail -v -n +1 /etc/dingli/pki/*.crt &"]
    if host in environment.journal.members:
        lines.append(f"part member {shlex.join(status_command(environment, host))} &")
        lines.append("part quota grep ^quota-backend-bytes: /etc/etcd/etcd.yaml &")
    for cell in environment.cells.values():
        address = environment.hosts[host].address
        if any(core.host == host for core in cell.cores):
            unit = f"dingli-core@{cell.name}.service"
            lines.append(f"part core-{cell.name} systemctl show --property ActiveState --value {unit} &")
        if any(core.host == host and core.kind is CoreKind.MAIN for core in cell.cores):
            lines.append(f"part cell-{cell.name} /usr/local/sbin/dingli-core-ctl {cell.name} status &")
            lines.append(f"part sessions-{cell.name} {_get(f'{address}', cell.ports.core_metrics)} &")
        if host in cell.running_gateways:
            lines.append(f"part gateway-{cell.name} {_get(f'{address}', cell.ports.gateway_metrics)} &")
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


def _get(address: str, port: int) -> str:
    """Metrics over plain HTTP, with nothing but the shell."""
    program = f"exec 3<>/dev/tcp/{address}/{port}; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    return shlex.join(["bash", "-c", program])
