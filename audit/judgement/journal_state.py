"""The journal as a database: 8.1.4.1 a, 8.1.4.2 a, b, c, f (users and grants), 8.1.4.7 b, 8.1.4.9 b and c (copies)."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

from audit.exceptions import EvidenceError
from audit.judgement import documents
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_READ_ONLY = "READ"


def _declared_users(evidence: ObjectEvidence) -> dict[str, set[str]]:
    """User to roles, as the cells need them."""
    users = {"root": {"root"}, "monitor": {"monitor"}}
    for cell, kinds in documents.declared(evidence)["cells"].items():
        users |= {f"core-{cell}": {f"core-{cell}"}, f"gateway-{cell}": {f"gateway-{cell}"}}
        if "minimal" in kinds:
            users[f"minicore-{cell}"] = {f"core-{cell}"}
    return users


def _users(evidence: ObjectEvidence) -> dict[str, set[str]]:
    listed_users = documents.mapping(evidence, "users").get("users") or []
    found = {name: set(documents.mapping(evidence, f"user-{name}").get("roles") or []) for name in listed_users}
    if not found:
        raise EvidenceError(f"{evidence.name}: users: no user at all", "a list that has root")
    return found


def authentication(evidence: ObjectEvidence, policy: Policy) -> Finding:
    on = bool(documents.mapping(evidence, "auth").get("enabled"))
    return finding(
        [] if on else [Text("未启用身份鉴别和授权", "authentication is off")], Text("身份鉴别和授权已启用", "on")
    )


def users_declared(evidence: ObjectEvidence, policy: Policy) -> Finding:
    found = _users(evidence)
    extra = listed(sorted(set(found) - set(_declared_users(evidence))))
    return finding(
        [Text(f"未声明的用户：{extra}", f"users nobody declared: {extra}")] if extra else [],
        Text(f"用户 {listed(sorted(found))} 均已声明", f"users {listed(sorted(found))}, all declared"),
    )


def roles_declared(evidence: ObjectEvidence, policy: Policy) -> Finding:
    wanted = _declared_users(evidence)
    problems = [
        Text(
            f"{name} 多出角色 {listed(sorted(extra))}", f"{name} has the roles {listed(sorted(extra))} besides its own"
        )
        for name, roles in _users(evidence).items()
        if (extra := roles - wanted.get(name, set()))
    ]
    return finding(problems, Text("各用户仅有其声明的角色", "every user has its declared roles alone"))


def no_default_users(evidence: ObjectEvidence, policy: Policy) -> Finding:
    found = listed(sorted(set(_users(evidence)) & (policy.default_accounts | {"guest"})))
    return finding(
        [Text(f"存在默认用户：{found}", f"default users: {found}")] if found else [],
        Text("无默认用户", "no default users besides root"),
    )


def _grants(evidence: ObjectEvidence) -> list[tuple[str, str, str, str]]:
    """(role, access, key, range end) of every role; etcd lists none for root, who may do everything."""
    found = []
    roles = documents.mapping(evidence, "roles").get("roles") or []
    if not roles:
        raise EvidenceError(f"{evidence.name}: roles: no role at all", "a list")
    for role in roles:
        for grant in documents.mapping(evidence, f"role-{role}").get("perm") or []:
            access = {0: "READ", 1: "WRITE", 2: "READWRITE"}.get(grant.get("permType", 0), str(grant.get("permType")))
            found.append((role, access, _decoded(grant.get("key", "")), _decoded(grant.get("range_end", ""))))
    return found


def _decoded(text: Any) -> str:
    return base64.b64decode(str(text)).decode("utf-8", "backslashreplace")


def _end_of(prefix: str) -> str:
    """The end of the range that holds the keys with this prefix, as etcd writes it."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\x00"


def grants_are_narrow(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Each role stays below its cell; nobody but cores writes."""
    problems, cells = [], documents.declared(evidence)["cells"]
    grants = _grants(evidence)
    for role, access, key, end in grants:
        cell = role.partition("-")[2]
        allowed = [f"/dingli/v1/{cell}/"] if cell in cells else [f"/dingli/v1/{one}/status/" for one in cells]
        beyond = end and end != _end_of(key)
        if beyond or not any(key.startswith(one) for one in allowed):
            problems.append(Text(f"角色 {role} 可及 {key or '(全部)'}", f"role {role} reaches {key or '(everything)'}"))
        if access != _READ_ONLY and not role.startswith("core-"):
            problems.append(Text(f"角色 {role} 可写 {key}", f"role {role} writes {key}"))
    return finding(
        problems,
        Text(
            f"{len(grants)} 项授权均限于本单元的键前缀；仅核心可写",
            f"{len(grants)} grants, each below its cell's prefix; cores alone write",
        ),
    )


def _statuses(evidence: ObjectEvidence) -> dict[str, dict[str, Any]]:
    """Every declared member's own answer. A member that is silent is a finding, not an error: it may be down."""
    found = {}
    for member in documents.declared(evidence)["members"]:
        record = evidence.record(f"status@{member}")
        if record.exit_status == 0:
            answers = documents.parsed(evidence, f"status@{member}")
            found[member] = answers[0]["Status"] if answers else {}
    if not found:
        raise EvidenceError(f"{evidence.name}: no member answered", "the status of one at least")
    return found


def members_as_declared(evidence: ObjectEvidence, policy: Policy) -> Finding:
    listed_members = documents.mapping(evidence, "members").get("members") or []
    names = {one.get("name") for one in listed_members if not one.get("isLearner")}
    wanted = set(documents.declared(evidence)["members"])
    silent = sorted(wanted - set(_statuses(evidence)))
    problems = []
    if missing := listed(sorted(wanted - names)):
        problems.append(Text(f"不是成员：{missing}", f"no members: {missing}"))
    if extra := listed(sorted(str(name) for name in names - wanted)):
        problems.append(Text(f"未声明的成员：{extra}", f"members nobody declared: {extra}"))
    if silent:
        problems.append(Text(f"未应答的成员：{listed(silent)}", f"members that do not answer: {listed(silent)}"))
    return finding(problems, Text(f"{len(wanted)} 个成员均在线", f"all {len(wanted)} members are up"))


def other_city(evidence: ObjectEvidence, policy: Policy) -> Finding:
    members = documents.declared(evidence)["members"]
    alive = {name: members[name]["city"] for name in _statuses(evidence)}
    cities = sorted(set(alive.values()))
    return finding(
        []
        if len(cities) > 1
        else [Text(f"全部副本位于同一城市 {listed(cities)}", f"every copy is in {listed(cities)}")],
        Text(f"实时副本位于 {listed(cities)}（{listed(sorted(alive))}）", f"live copies in {listed(cities)}"),
    )


def copies_are_current(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Each member follows the same leader in the same term and has applied what it received."""
    statuses = _statuses(evidence)
    leaders = {status.get("leader") for status in statuses.values()}
    problems = []
    if len(leaders) != 1 or None in leaders or 0 in leaders:
        problems.append(
            Text(f"成员认定的主节点不一致：{listed(sorted(map(str, leaders)))}", "members follow different leaders")
        )
    for name, status in statuses.items():
        behind = int(status["raftIndex"]) - int(status["raftAppliedIndex"])
        if behind > 1000:
            problems.append(Text(f"{name} 落后 {behind} 条", f"{name} is {behind} entries behind"))
        if status.get("errors"):
            problems.append(Text(f"{name}：{listed(status['errors'])}", f"{name}: {listed(status['errors'])}"))
    return finding(
        problems, Text("各副本跟随同一主节点且无积压", "all copies follow one leader and lag nothing behind")
    )


def survives_any_site(evidence: ObjectEvidence, policy: Policy) -> Finding:
    members = documents.declared(evidence)["members"]
    alive = _statuses(evidence)
    majority = len(members) // 2 + 1
    sites = Counter(members[name]["site"] for name in alive)
    problems = [
        Text(
            f"失去 {site} 后仅余 {len(alive) - count} 个成员",
            f"without {site} only {len(alive) - count} members are left",
        )
        for site, count in sites.items()
        if len(alive) - count < majority
    ]
    return finding(
        problems,
        Text(
            f"{len(alive)} 个在线成员分布于 {len(sites)} 个站点，失去任一站点仍有多数",
            f"{len(alive)} live members at {len(sites)} sites: a majority is left whichever site is lost",
        ),
    )


def no_alarms(evidence: ObjectEvidence, policy: Policy) -> Finding:
    alarms = documents.mapping(evidence, "alarms").get("alarms") or []
    return finding(
        [Text(f"etcd 报警：{listed(alarms)}", f"etcd raises {listed(alarms)}")] if alarms else [],
        Text("无数据损坏或空间报警", "no alarm about damaged data or space"),
    )


_USERS = ("users", "user-*", "declared")
_ALIVE = ("status@*", "declared")
_STATUS = ("members", *_ALIVE)
_READS = Text("以只读命令读取用户、角色和授权", "reads users, roles and grants")
_ASKS = Text("向每个成员读取状态", "asks every member for its status")
_AUTH = SubPoint("authentication", Text("身份鉴别已启用", "authentication on"), ("auth",), authentication)
_JOURNAL = ObjectKind.JOURNAL
RULES = (
    ItemRule("8.1.4.1.a", _JOURNAL, _READS, (_AUTH,)),
    ItemRule(
        "8.1.4.2.a",
        _JOURNAL,
        _READS,
        (
            SubPoint("enforced", Text("授权已启用", "authorization on"), ("auth",), authentication),
            SubPoint("roles", Text("角色按声明分配", "declared roles alone"), _USERS, roles_declared),
        ),
    ),
    ItemRule(
        "8.1.4.2.b",
        _JOURNAL,
        _READS,
        (SubPoint("defaults", Text("无默认用户", "no default users"), ("users", "user-*"), no_default_users),),
    ),
    ItemRule(
        "8.1.4.2.c",
        _JOURNAL,
        _READS,
        (SubPoint("users", Text("无多余用户", "no unneeded users"), _USERS, users_declared),),
    ),
    ItemRule(
        "8.1.4.2.f",
        _JOURNAL,
        _READS,
        (
            SubPoint(
                "grants",
                Text("授权粒度到键前缀", "grants by prefix"),
                ("roles", "role-*", "declared"),
                grants_are_narrow,
            ),
        ),
    ),
    ItemRule(
        "8.1.4.7.b", _JOURNAL, _ASKS, (SubPoint("alarms", Text("数据完整性报警", "alarms"), ("alarms",), no_alarms),)
    ),
    ItemRule(
        "8.1.4.9.b",
        _JOURNAL,
        _ASKS,
        (
            SubPoint("members", Text("成员在线", "members up"), _STATUS, members_as_declared, decisive=False),
            SubPoint("elsewhere", Text("异地实时副本", "live copies in another city"), _ALIVE, other_city),
            SubPoint("current", Text("副本实时", "copies are current"), _ALIVE, copies_are_current),
        ),
    ),
    ItemRule(
        "8.1.4.9.c",
        _JOURNAL,
        _ASKS,
        (SubPoint("quorum", Text("失去任一站点仍可用", "any site may be lost"), _ALIVE, survives_any_site),),
    ),
)
