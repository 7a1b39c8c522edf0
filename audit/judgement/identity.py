"""8.1.4.1 a: identities are unique, passwords are complex and renewed."""

from __future__ import annotations

from collections import Counter

from audit.exceptions import EvidenceError
from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, finding
from audit.records import ObjectEvidence


def unique(evidence: ObjectEvidence, policy: Policy) -> Finding:
    accounts = readings.accounts(evidence)
    names = Counter(account.name for account in accounts)
    uids = Counter(account.uid for account in accounts)
    problems = [f"账户名 {name} 重复 {n} 次" for name, n in names.items() if n > 1]
    for uid, n in uids.items():
        if n > 1:
            problems.append(f"UID {uid} 由 {n} 个账户共用：{'、'.join(a.name for a in accounts if a.uid == uid)}")
    return finding(problems, f"{len(accounts)} 个账户，名称和 UID 均唯一，仅一个 UID 0")


def nobody_without_password(evidence: ObjectEvidence, policy: Policy) -> Finding:
    empty = [state.account for state in readings.password_states(evidence).values() if state.state == "NP"]
    problems = [f"空口令账户：{'、'.join(empty)}"] if empty else []
    for sshd in readings.sshd_of_every_account(evidence):
        for name, expected in (
            ("permitemptypasswords", "no"),
            ("hostbasedauthentication", "no"),
            ("ignorerhosts", "yes"),
        ):
            if sshd.value(name) != expected:
                problems.append(f"sshd 对 {sshd.account}（{sshd.place}）{name}={sshd.value(name)}，应为 {expected}")
    return finding(problems, "无空口令账户；sshd 对各账户均拒绝空口令、主机信任和 rhosts")


def weak_refused(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """A refusal counts only if the quality rule gave it, and only if a strong password was accepted."""
    weak = [attempt for attempt in readings.attempts(evidence) if attempt.step.startswith("quality-")]
    strong = readings.attempt(evidence, "quality-strong")
    tried = [attempt for attempt in weak if attempt.step != strong.step]
    if len(tried) < 4:
        raise EvidenceError(f"{evidence.name}: credential-probe: only {len(tried)} weak passwords were tried", "four")
    accepted = [attempt.step.removeprefix("quality-") for attempt in tried if attempt.exit_status == 0]
    if accepted:
        return finding([f"弱口令被接受：{'、'.join(accepted)}"], "")
    unclear = [attempt.step for attempt in tried if "BAD PASSWORD" not in attempt.said]
    if unclear or strong.exit_status != 0:
        raise EvidenceError(
            f"{evidence.name}: credential-probe: {', '.join(unclear) or strong.step}: not a matter of quality",
            "weak passwords refused with BAD PASSWORD, the strong one accepted",
        )
    return finding([], f"实测：{len(tried)} 种弱口令（过短、单一字符类、含账户名、常用词）均被拒绝，强口令被接受")


def renewed(evidence: ObjectEvidence, policy: Policy) -> Finding:
    limit = policy.guide.password_max_days
    usable = [state for state in readings.password_states(evidence).values() if state.state == "P"]
    problems = [
        f"{state.account} 口令最长使用期 {state.max_days} 天，应为 1–{limit}"
        for state in usable
        if not 1 <= state.max_days <= limit
    ]
    default = readings.setting(evidence.output("login-defs"), "PASS_MAX_DAYS")
    days = readings.number(default or "99999", "login-defs: PASS_MAX_DAYS")  # login.defs(5): absent means no limit
    if not 1 <= days <= limit:
        problems.append(f"新账户默认最长使用期 {days} 天，应为 1–{limit}")
    return finding(problems, f"{len(usable)} 个可用口令账户均在 {limit} 天内更换；新账户默认 {days} 天")


RULE = ItemRule(
    "8.1.4.1.a",
    "核查账户清单和口令状态；以专用账户实际修改口令；核查 sshd 对各账户的生效配置",
    (
        SubPoint("unique", "身份标识唯一", ("accounts",), unique),
        SubPoint(
            "no-empty",
            "无空口令、无信任登录",
            ("accounts", "password-states", "sshd-inside-*", "sshd-outside-*"),
            nobody_without_password,
        ),
        SubPoint("complexity", "口令复杂度（实测）", ("credential-probe",), weak_refused),
        SubPoint("renewal", "口令定期更换", ("accounts", "password-states", "login-defs"), renewed, decisive=False),
    ),
)
