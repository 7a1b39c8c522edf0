"""A picture on one screen, for a person. Reasons stand at the top, among the problems; the tables stay narrow."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dingli.cell import HashState
from dingli.environment import Environment
from dingli.status.picture import CellStatus, CoreStatus, GatewayStatus, HostStatus, MemberPicture, Picture

__all__ = ["console", "render"]

_WIDEST = 150
_SESSIONS_SHOWN = 12
_GOOD, _BAD, _DIM = "green", "bold red", "dim"
_HASHES = {
    HashState.EQUAL: Text("equal", _GOOD),
    HashState.DIFFERENT: Text("DIFFERENT", _BAD),
    HashState.UNKNOWN: Text("not compared", _DIM),
}


def console() -> Console:
    """On standard output: coloured on a terminal only, and wide enough for the tables elsewhere."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDEST, color_system=None)


def render(environment: Environment, picture: Picture) -> RenderableType:
    """Everything; what is wrong comes first."""
    parts: list[RenderableType] = [_headline(picture)]
    parts += [Text(f"  ! {line}", _BAD) for line in picture.problems]
    parts += [Text(f"  - {line}", "yellow") for line in picture.notes]
    parts += [_hosts(environment, picture), _journal(picture)]
    for cell in picture.cells.values():
        parts += [_cell_line(cell), _cores(cell), _gateways(cell), _sessions(cell)]
    order = picture.gate.get("smoke order")
    if order is not None:
        parts.append(Text(f"smoke order: {order.state.value}: {order.text}"))
    return Group(*parts)


def _headline(picture: Picture) -> Text:
    state = Text("healthy", _GOOD) if picture.ok else Text("DEGRADED", _BAD)
    line = Text.assemble((picture.environment, "bold"), "  ", state, f"  {picture.at:%Y-%m-%d %H:%M:%S} UTC")
    line.append(f"  asked in {picture.took_s:.1f} s", _DIM)
    if picture.nearest is not None:
        nearest = picture.nearest
        days = (nearest.at - picture.at).days
        line.append(f"  nearest certificate expiry in {days} days ({nearest.host} {nearest.name})", _DIM)
    return line


def _table(*columns: str) -> Table:
    """Columns whose name starts with > hold numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", no_wrap=True)
    return table


def _hosts(environment: Environment, picture: Picture) -> Table:
    table = _table("site", "host", "address", "processor", ">clock", ">certificate", "state")
    for site in environment.sites.values():
        for number, declared in enumerate(environment.hosts_at(site.name)):
            host = picture.hosts[declared.name]
            days = "" if host.certificate is None else f"{(host.certificate.at - picture.at).days} d"
            processor = host.arch + (", emulated" if host.emulated else "")
            where = "" if number else f"{site.name} ({site.role.value}, {site.city})"
            table.add_row(where, declared.name, host.address, processor, _clock(host.clock_ms), days, _state(host))
    return table


def _clock(bounds: tuple[int, int] | None) -> str:
    """The middle of what is possible, and how far off that may be."""
    if bounds is None:
        return ""
    middle, reach = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
    return f"{middle:+.0f} ms ±{reach:.0f}"


def _state(host: HostStatus) -> Text:
    if host.reachable:
        return Text(f"reachable ({host.took_s:.1f} s)", _GOOD)
    return Text("NOT REACHED", _BAD)


def _journal(picture: Picture) -> Table:
    table = _table("journal", "site", "state", ">database", ">of quota", ">raft index", ">behind", "")
    for member in picture.journal.members:
        state = Text(member.state, _GOOD if member.state == "healthy" else _BAD)
        table.add_row(member.name, member.site, state, *_size(member), "leader" if member.leads else "")
    return table


def _size(member: MemberPicture) -> tuple[str, str, str, str]:
    if member.state in ("silent", "unreachable"):
        return ("", "", "", "")
    quota = f"{member.db_bytes / member.quota_bytes:.1%}" if member.quota_bytes else "?"
    return (f"{member.db_bytes / 2**20:.1f} MiB", quota, str(member.raft_index), str(member.behind))


def _cell_line(cell: CellStatus) -> Text:
    line = Text.assemble(("cell ", _DIM), (cell.name, "bold"), "  ")
    if cell.trouble is not None:
        return line.append(f"not known: {cell.trouble}", _BAD)
    if cell.leader:
        line.append(f"led by {cell.leader} (site {cell.leader_site}), epoch {cell.epoch}, head {cell.head}")
    else:
        line.append("nobody leads", _BAD).append(f", head {cell.head}")
    if cell.halted:
        line.append(f"  HALTED: {cell.halt_reason}", _BAD)
    if cell.switch or cell.handover:
        line.append(f"  hand-over to {cell.switch or cell.handover}", "yellow")
    return line


def _cores(cell: CellStatus) -> Table:
    table = _table("  core", "kind", "site", "takeover", "role", ">head", ">behind", ">lag", "hash", "")
    for core in cell.cores:
        known = core.head > 0
        numbers = (str(core.head), str(core.behind), f"{core.lag_ms} ms") if known else ("", "", "")
        remark = Text("emulated" if core.emulated else "", _DIM)
        if core.quarantined or core.service not in ("", "active"):
            remark = Text("QUARANTINED" if core.quarantined else f"service {core.service}", _BAD)
        hashes = _HASHES[core.hash] if known else Text("")
        table.add_row(f"  {core.core}", core.kind, core.site, core.takeover, _role(core), *numbers, hashes, remark)
    return table


def _role(core: CoreStatus) -> Text:
    return Text(core.role, {"leader": _GOOD, "follower": _GOOD, "starting": "yellow"}.get(core.role, _BAD))


def _gateways(cell: CellStatus) -> Table:
    table = _table("  gateway", "site", "FIX over TLS at", "link", ">sessions", ">connections", ">unconfirmed")
    for gateway in cell.gateways:
        numbers = [gateway.sessions, gateway.connections, gateway.unconfirmed]
        shown = ["" if number is None else str(number) for number in numbers]
        table.add_row(f"  {gateway.host}", gateway.site, gateway.address, _link(cell, gateway), *shown)
    return table


def _link(cell: CellStatus, gateway: GatewayStatus) -> Text:
    if gateway.linked is None:
        return Text("not known", _BAD)
    if not gateway.linked:
        return Text("NO LEADER", _BAD)
    return Text("linked", _GOOD) if gateway.epoch == cell.epoch else Text(f"linked, epoch {gateway.epoch}", "yellow")


def _sessions(cell: CellStatus) -> Text:
    """Those that are logged on, with the numbers expected next in each direction."""
    connected = [one for one in cell.sessions if one.connected]
    if not any(one.connected is not None for one in cell.sessions):
        logged_on = sum(gateway.sessions or 0 for gateway in cell.gateways)
        return Text(f"  sessions: {logged_on} of {len(cell.sessions)} logged on", _DIM)
    shown = ", ".join(f"{one.name} in {one.next_in} out {one.next_out}" for one in connected[:_SESSIONS_SHOWN])
    more = f" and {len(connected) - _SESSIONS_SHOWN} more" if len(connected) > _SESSIONS_SHOWN else ""
    told = f"  sessions: {len(connected)} of {len(cell.sessions)} logged on"
    return Text(told + (f": {shown}{more}" if connected else ""), _DIM)
