"""8.1.4.2 a, c and d on hosts: only declared accounts, no stale or shared ones, and rights kept apart."""

from __future__ import annotations

import re

from audit.exceptions import EvidenceError
from audit.judgement import documents, readings
from audit.judgement.policy import Policy
from audit.judgement.readings import Account
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_NOBODY = 65534
_NO_KEYS = ("No such file", "is not a public key file")


def declared_only(evidence: ObjectEvidence, policy: Policy) -> Finding:
    states = readings.password_states(evidence)
    able = [a for a in readings.accounts(evidence) if a.interactive or states[a.name].state != "L"]
    strangers = listed([account.name for account in able if account.name not in policy.interactive_accounts])
    problems = [Text(f"未声明但可登录的账户：{strangers}", f"accounts that can log in, undeclared: {strangers}")]
    shown = listed([account.name for account in able])
    return finding(
        problems if strangers else [],
        Text(
            f"可登录账户 {shown}，均已声明用途", f"accounts that can log in: {shown}; each is declared with its purpose"
        ),
    )


def programs_have_accounts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    ports = {int(port): what for port, what in documents.declared(evidence)["ports"].items()}
    ours = [one for one in readings.listeners(evidence) if one.port in ports and one.protocol == "tcp"]
    problems = [
        Text(f"{ports[one.port]}（端口 {one.port}）以 root 运行", f"{ports[one.port]} (port {one.port}) runs as root")
        for one in ours
        if one.uid == 0
    ]
    uids = listed(sorted({one.uid for one in ours}))
    return finding(
        problems,
        Text(
            f"{len(ours)} 个业务端口由非 root 账户（UID {uids}）提供",
            f"{len(ours)} ports served by accounts of their own",
        ),
    )


def unneeded(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Whoever is numbered like a person and is not declared, even if locked."""
    persons = [a.name for a in readings.accounts(evidence) if policy.first_person_uid <= a.uid < _NOBODY]
    strangers = listed([name for name in persons if name not in policy.interactive_accounts])
    problems = [Text(f"多余账户：{strangers}", f"accounts nobody declared: {strangers}")] if strangers else []
    return finding(
        problems, Text(f"人员类账户 {listed(persons)}，均已声明", f"accounts {listed(persons)}, all declared")
    )


def stale(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """A shell that neither a password nor a key opens is left over. Root is the system's own."""
    states = readings.password_states(evidence)
    closed = [
        account.name
        for account in _with_shell(evidence)
        if account.uid != 0 and states[account.name].state == "L" and not _keys(evidence, account)
    ]
    problems = [
        Text(f"有 shell 但无任何鉴别方式的账户：{listed(closed)}", f"a shell, but no key or password: {listed(closed)}")
    ]
    return finding(problems if closed else [], Text("无停用后残留的账户", "no account is left over without a way in"))


def shared(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Several keys open one account: several people may be behind it."""
    several = {a.name: len(_keys(evidence, a)) for a in _with_shell(evidence) if len(_keys(evidence, a)) > 1}
    if several:
        shown = listed([f"{name} ({count})" for name, count in several.items()])
        return person(
            f"以下账户有多把密钥，是否多人共用需人工核实：{shown}",
            f"accounts with several keys, perhaps shared: {shown}",
        )
    return finding([], Text("每个账户至多一把密钥", "no account has more than one key"))


def _with_shell(evidence: ObjectEvidence) -> tuple[Account, ...]:
    return tuple(account for account in readings.accounts(evidence) if account.interactive)


def _keys(evidence: ObjectEvidence, account: Account) -> tuple[str, ...]:
    record = evidence.record(f"keys-{account.name}")
    if record.exit_status != 0:
        if not any(words in record.stderr + record.stdout for words in _NO_KEYS):
            raise EvidenceError(f"{evidence.name}: {record.name}: {record.stderr.strip()}", "a list of keys, or none")
        return ()
    return tuple(line for line in record.stdout.splitlines() if "SHA256:" in line)


def _sudo(evidence: ObjectEvidence, account: str) -> tuple[str, ...]:
    """What sudo lets an account do, one rule a line."""
    record = evidence.record(f"sudo-{account}")
    if "is not allowed to run sudo" in record.stdout + record.stderr:
        return ()
    _, found, after = record.stdout.partition("may run the following commands on")
    if record.exit_status != 0 or not found:
        raise EvidenceError(f"{evidence.name}: {record.name}: {record.stderr.strip() or record.stdout[:80]!r}", "rules")
    return tuple(line.strip() for line in after.splitlines()[1:] if line.strip())


def _everything(rules: tuple[str, ...]) -> bool:
    return any(re.fullmatch(r"\((ALL|root)( : \w+)?\)( \w+:)* ALL", rule) for rule in rules)


def full_rights(evidence: ObjectEvidence, policy: Policy) -> Finding:
    able = [a.name for a in _with_shell(evidence) if _everything(_sudo(evidence, a.name)) and a.uid != 0]
    problems = [Text(f"{name} 可以 root 身份执行任何命令", f"{name} may run everything as root") for name in able]
    return finding(problems, Text("无账户可以 root 身份执行任何命令", "no account may run everything as root"))


def audit_is_apart(evidence: ObjectEvidence, policy: Policy) -> Finding:
    name = policy.administrators.audit
    if name not in {account.name for account in readings.accounts(evidence)}:
        return finding([Text(f"无审计账户 {name}", f"no audit account {name}")], Text("", ""))
    rules = _sudo(evidence, name)
    problems = [Text(f"{name} 权限过大", f"{name} may do more than look")] if _everything(rules) else []
    return finding(
        problems,
        Text(f"{name} 仅可执行 {len(rules)} 条列明的命令", f"{name} may run {len(rules)} named commands alone"),
    )


def three_administrators(evidence: ObjectEvidence, policy: Policy) -> Finding:
    present = {account.name for account in readings.accounts(evidence)}
    wanted = (
        ("系统管理员", "system", policy.administrators.system),
        ("安全管理员", "security", policy.administrators.security),
        ("审计管理员", "audit", policy.administrators.audit),
    )
    problems = [
        Text(f"无独立的{zh}账户（{name}）", f"no {en} administrator's account ({name})")
        for zh, en, name in wanted
        if name not in present
    ]
    if problems:
        return finding(problems, Text("", ""))
    return person(
        "三类管理员账户均存在；是否由不同的人掌握，需人工核实",
        "all three administrators' accounts exist; whether they are three people a person has to find out",
    )


_SHELLS = ("accounts", "keys-*")
_SUDO = ("accounts", "sudo-*")
ASSIGNED = ItemRule(
    "8.1.4.2.a",
    ObjectKind.HOST,
    Text(
        "比对账户清单与声明的账户；核查监听程序的运行账户",
        "compares accounts with the declared ones; whose the programs are",
    ),
    (
        SubPoint(
            "declared",
            Text("可登录账户均已声明", "declared accounts only"),
            ("accounts", "password-states"),
            declared_only,
        ),
        SubPoint(
            "programs",
            Text("业务程序不以 root 运行", "programs do not run as root"),
            ("listeners", "declared"),
            programs_have_accounts,
            decisive=False,
        ),
    ),
)
STALE = ItemRule(
    "8.1.4.2.c",
    ObjectKind.HOST,
    Text("比对账户清单；核查各账户的鉴别方式和密钥数", "compares the list of accounts; counts the keys that open each"),
    (
        SubPoint("unneeded", Text("无多余账户", "no unneeded accounts"), ("accounts",), unneeded),
        SubPoint(
            "stale", Text("无残留账户", "no stale accounts"), (*_SHELLS, "password-states"), stale, decisive=False
        ),
        SubPoint("shared", Text("无共享账户", "no shared accounts"), _SHELLS, shared),
    ),
)
SEPARATED = ItemRule(
    "8.1.4.2.d",
    ObjectKind.HOST,
    Text("以 sudo -l -U 读取各账户的生效权限", "asks sudo what each account may do (sudo -l -U)"),
    (
        SubPoint("full", Text("无全权账户", "nobody may do everything"), _SUDO, full_rights, decisive=False),
        SubPoint("audit", Text("审计账户权限独立", "the audit's rights are apart"), _SUDO, audit_is_apart),
        SubPoint("three", Text("三权分立", "three administrators apart"), ("accounts",), three_administrators),
    ),
)
