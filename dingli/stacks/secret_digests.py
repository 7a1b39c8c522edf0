"""Which secrets a role group delivers, as digests: a changed password is a declared change, and stays secret."""

from __future__ import annotations

from collections.abc import Iterable

from dingli.environment import Cell, CoreKind, Environment, state_dir
from dingli.monitoring import monitoring_secrets
from dingli.pki import PasswordStore

__all__ = ["secret_digests"]


def secret_digests(environment: Environment, group: str, cell: Cell | None, hosts: Iterable[str]) -> dict[str, str]:
    """`{secret: digest}` of what the cell's part of `group` brings to `hosts`; secrets that do not exist yet are made.

    The digests are keyed with a key that never leaves the controller: nobody can try passwords against them.
    """
    store = PasswordStore(state_dir(environment.name) / "secrets")
    here = set(hosts)
    if group == "journal":
        users = [f"minicore-{one.name}" for one in environment.cells.values() if _minimal(one)]
        return {user: store.digest(store.password(user)) for user in users}
    if group == "core" and cell is not None:
        users = [f"minicore-{cell.name}"] if _minimal(cell) & here else []
        return {user: store.digest(store.password(user)) for user in users}
    cells = {"gateway": [cell] if cell else [], "ops": list(environment.cells.values())}.get(group, [])
    digests = {f"members-{one.name}": _members(store, one) for one in cells}
    if group == "ops":
        digests |= {name: store.digest(store.password(name)) for name in monitoring_secrets(environment)}
    return digests


def _minimal(cell: Cell) -> set[str]:
    return {core.host for core in cell.cores if core.kind is CoreKind.MINIMAL}


def _members(store: PasswordStore, cell: Cell) -> str:
    passwords = store.members(cell.sessions)
    return store.digest("\n".join(f"{session} {passwords[session]}" for session in sorted(passwords)))
