"""8.1.4.1 a on hosts: identities are unique, passwords are complex and renewed."""

from __future__ import annotations

from collections import Counter

from audit.exceptions import EvidenceError
from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


def unique(evidence: ObjectEvidence, policy: Policy) -> Finding:
    accounts = readings.accounts(evidence)
    names = Counter(account.name for account in accounts)
    uids = Counter(account.uid for account in accounts)
    problems = [Text(f"账户名 {name} 重复 {n} 次", f"{n} accounts named {name}") for name, n in names.items() if n > 1]
    for uid, n in uids.items():
        if n > 1:
            shared = listed([a.name for a in accounts if a.uid == uid])
            problems.append(Text(f"UID {uid} 由 {n} 个账户共用：{shared}", f"UID {uid} is shared by {shared}"))
    return finding(
        problems,
        Text(
            f"{len(accounts)} 个账户，名称和 UID 均唯一，仅一个 UID 0",
            f"{len(accounts)} accounts, names and UIDs unique, one UID 0",
        ),
    )


def nobody_without_password(evidence: ObjectEvidence, policy: Policy) -> Finding:
    empty = [state.account for state in readings.password_states(evidence).values() if state.state == "NP"]
    problems = [Text(f"空口令账户：{listed(empty)}", f"accounts without a password: {listed(empty)}")] if empty else []
    for sshd in readings.sshd_of_every_account(evidence):
        for name, expected in (
            ("permitemptypasswords", "no"),
            ("hostbasedauthentication", "no"),
            ("ignorerhosts", "yes"),
        ):
            if sshd.value(name) != expected:
                who, value = f"{sshd.account}（{sshd.place}）", sshd.value(name)
                problems.append(
                    Text(
                        f"sshd 对 {who}{name}={value}，应为 {expected}",
                        f"sshd for {sshd.account} ({sshd.place}): {name} {value}, expected {expected}",
                    )
                )
    return finding(
        problems,
        Text(
            "无空口令账户；sshd 对各账户均拒绝空口令、主机信任和 rhosts",
            "no empty passwords; sshd refuses them, trusted hosts and rhosts for every account",
        ),
    )


def weak_refused(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """A refusal counts only if the quality rule gave it, and only if a strong password was accepted."""
    weak = [attempt for attempt in readings.attempts(evidence) if attempt.step.startswith("quality-")]
    strong = readings.attempt(evidence, "quality-strong")
    tried = [attempt for attempt in weak if attempt.step != strong.step]
    if len(tried) < 4:
        raise EvidenceError(f"{evidence.name}: credential-probe: only {len(tried)} weak passwords were tried", "four")
    accepted = listed([attempt.step.removeprefix("quality-") for attempt in tried if attempt.exit_status == 0])
    if accepted:
        return finding([Text(f"弱口令被接受：{accepted}", f"weak passwords were accepted: {accepted}")], Text("", ""))
    unclear = [attempt.step for attempt in tried if "BAD PASSWORD" not in attempt.said]
    if unclear or strong.exit_status != 0:
        raise EvidenceError(
            f"{evidence.name}: credential-probe: {', '.join(unclear) or strong.step}: not a matter of quality",
            "weak passwords refused with BAD PASSWORD, the strong one accepted",
        )
    return finding(
        [],
        Text(
            f"实测：{len(tried)} 种弱口令（过短、单一字符类、含账户名、常用词）均被拒绝，强口令被接受",
            f"tried: {len(tried)} weak passwords (short, one class, own name, word) refused, a strong one accepted",
        ),
    )


def renewed(evidence: ObjectEvidence, policy: Policy) -> Finding:
    limit = policy.guide.password_max_days
    usable = [state for state in readings.password_states(evidence).values() if state.state == "P"]
    problems = [
        Text(
            f"{state.account} 口令最长使用期 {state.max_days} 天，应为 1–{limit}",
            f"{state.account}: password lasts {state.max_days} days, expected 1–{limit}",
        )
        for state in usable
        if not 1 <= state.max_days <= limit
    ]
    default = readings.setting(evidence.output("login-defs"), "PASS_MAX_DAYS")
    days = readings.number(default or "99999", "login-defs: PASS_MAX_DAYS")  # login.defs(5): absent means no limit
    if not 1 <= days <= limit:
        problems.append(
            Text(f"新账户默认最长使用期 {days} 天，应为 1–{limit}", f"new accounts: {days} days, expected 1–{limit}")
        )
    return finding(
        problems,
        Text(
            f"{len(usable)} 个可用口令账户均在 {limit} 天内更换；新账户默认 {days} 天",
            f"{len(usable)} accounts with a password, all renewed within {limit} days; new ones within {days}",
        ),
    )


_ASKED = ("accounts", "sshd-inside-*", "sshd-outside-*")
RULE = ItemRule(
    "8.1.4.1.a",
    ObjectKind.HOST,
    Text(
        "核查账户清单和口令状态；以专用账户实际修改口令；核查 sshd 对各账户的生效配置",
        "lists accounts and password states; changes a password for real; asks sshd for each account",
    ),
    (
        SubPoint("unique", Text("身份标识唯一", "unique identities"), ("accounts",), unique),
        SubPoint(
            "no-empty",
            Text("无空口令、无信任登录", "no empty passwords, no trusted hosts"),
            (*_ASKED, "password-states"),
            nobody_without_password,
        ),
        SubPoint(
            "complexity",
            Text("口令复杂度（实测）", "weak passwords refused (tried)"),
            ("credential-probe",),
            weak_refused,
        ),
        SubPoint(
            "renewal",
            Text("口令定期更换", "passwords renewed"),
            ("accounts", "password-states", "login-defs"),
            renewed,
            decisive=False,
        ),
    ),
)
