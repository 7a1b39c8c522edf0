"""8.1.4.1 b on hosts: failed log-ins lock the account, sessions end, idle ones too."""

from __future__ import annotations

import re

from audit.exceptions import EvidenceError
from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, person
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_LEFT = re.compile(r"\((\d+) minutes? left to unlock\)")


def locks(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """The right password works, then wrong ones, then the right one must be refused: nothing else proves a lock."""
    before = readings.attempt(evidence, "lockout-right-before")
    wrong = [attempt for attempt in readings.attempts(evidence) if attempt.step == "lockout-wrong"]
    after = readings.attempt(evidence, "lockout-right-after")
    if before.exit_status != 0:
        raise EvidenceError(
            f"{evidence.name}: credential-probe: the right password was refused from the start: {before.said}"
        )
    if len(wrong) != policy.guide.lock_after_failures:
        raise EvidenceError(
            f"{evidence.name}: credential-probe: {len(wrong)} wrong attempts", str(policy.guide.lock_after_failures)
        )
    let_in = [attempt for attempt in wrong if attempt.exit_status == 0]
    problems = (
        [Text(f"错误口令登录成功 {len(let_in)} 次", f"a wrong password let in {len(let_in)} times")] if let_in else []
    )
    if after.exit_status == 0:
        problems.append(
            Text(
                f"连续 {len(wrong)} 次失败后正确口令仍可登录，账户未锁定",
                f"after {len(wrong)} failures the right password still works: the account is not locked",
            )
        )
    return finding(
        problems,
        Text(
            f"实测：连续 {len(wrong)} 次失败后，正确口令也被拒绝",
            f"tried: after {len(wrong)} failures even the right password is refused",
        ),
    )


def lock_lasts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    after = readings.attempt(evidence, "lockout-right-after")
    if after.exit_status == 0:
        return finding([Text("账户未锁定，无锁定时间", "the account is not locked at all")], Text("", ""))
    left = _LEFT.search(after.said)
    if left is None:
        said = after.said.strip()
        return person(f"系统未说明锁定时间，需人工核实：{said}", f"the host does not say for how long: {said}")
    seconds, limit = int(left[1]) * 60, policy.guide.unlock_seconds
    problems = (
        [] if seconds >= limit else [Text(f"锁定 {seconds} 秒，应不少于 {limit} 秒", f"{seconds} s, not {limit}")]
    )
    return finding(problems, Text(f"实测锁定时间 {seconds} 秒", f"locked for {seconds} s"))


def root_is_limited(evidence: ObjectEvidence, policy: Policy) -> Finding:
    state = readings.password_states(evidence).get("root")
    if state is None:
        raise EvidenceError(f"{evidence.name}: password-states: nothing about root")
    even = readings.setting(evidence.output("faillock-conf"), "even_deny_root")
    if state.state == "L":
        return finding([], Text("root 口令已锁定，无可猜测的口令", "root has no password to guess"))
    lacks = Text(
        "root 有可用口令，且 faillock 未设 even_deny_root", "root has a password, faillock lacks even_deny_root"
    )
    return finding([lacks] if even is None else [], Text("faillock 对 root 同样生效", "faillock limits root too"))


def idle_ends(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = evidence.record("idle-timeout")
    declared = re.search(r'^declare -(\w+) TMOUT="(\d+)"$', record.stdout, re.MULTILINE)
    if declared is None:
        if record.exit_status == 0 or "TMOUT: not found" not in record.stderr:
            raise EvidenceError(
                f"{evidence.name}: idle-timeout: neither a value nor 'not found': {record.stderr.strip()[-200:]}"
            )
        return finding([Text("登录 shell 未设 TMOUT，空闲会话不退出", "no TMOUT: idle shells go on")], Text("", ""))
    limit, seconds = policy.guide.idle_timeout_seconds, int(declared[2])
    problems = []
    if not 1 <= seconds <= limit:
        problems.append(Text(f"TMOUT={seconds}，应为 1–{limit}", f"TMOUT={seconds}, expected 1–{limit}"))
    if "r" not in declared[1]:
        problems.append(Text("TMOUT 非只读，用户可自行取消", "TMOUT is not read-only: users can unset it"))
    for account in readings.accounts(evidence):
        if account.interactive and account.shell.rsplit("/", 1)[-1] != "bash":
            shell = account.shell or "/bin/sh"
            problems.append(
                Text(f"{account.name} 的 shell {shell} 不支持 TMOUT", f"{account.name}: {shell} knows no TMOUT")
            )
    return finding(
        problems, Text(f"登录 shell 的 TMOUT={seconds}，只读", f"login shells have TMOUT={seconds}, read-only")
    )


def ssh_session_ends(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = []
    for sshd in readings.sshd_of_every_account(evidence):
        alive = sshd.number("clientaliveinterval") * sshd.number("clientalivecountmax")
        limits = (
            ("maxauthtries", sshd.number("maxauthtries"), policy.max_auth_tries),
            ("logingracetime", sshd.number("logingracetime"), policy.login_grace_seconds),
            ("clientaliveinterval×clientalivecountmax", alive, policy.guide.idle_timeout_seconds),
        )
        problems += [
            Text(
                f"sshd 对 {sshd.account}（{sshd.place}）{name}={value}，应为 1–{limit}",
                f"sshd for {sshd.account} ({sshd.place}): {name} {value}, expected 1–{limit}",
            )
            for name, value, limit in limits
            if not 1 <= value <= limit
        ]
    return finding(
        problems,
        Text(
            "sshd 对各账户均限制尝试次数、登录宽限时间，并断开失去响应的连接",
            "sshd limits attempts and time for every account and ends dead connections",
        ),
    )


RULE = ItemRule(
    "8.1.4.1.b",
    ObjectKind.HOST,
    Text(
        "以专用账户实际连续登录失败；在登录 shell 中读取 TMOUT；核查 sshd 对各账户的生效配置",
        "fails to log in for real; reads TMOUT in a login shell; asks sshd for each account",
    ),
    (
        SubPoint("lock-out", Text("登录失败锁定（实测）", "lock-out (tried)"), ("credential-probe",), locks),
        SubPoint(
            "lock-time",
            Text("锁定时间（实测）", "lock time (tried)"),
            ("credential-probe",),
            lock_lasts,
            decisive=False,
        ),
        SubPoint(
            "root",
            Text("root 同样受限", "root limited too"),
            ("accounts", "password-states", "faillock-conf"),
            root_is_limited,
            decisive=False,
        ),
        SubPoint("idle", Text("空闲会话自动退出", "idle shells end"), ("idle-timeout", "accounts"), idle_ends),
        SubPoint(
            "session",
            Text("限制尝试并结束会话", "attempts limited, sessions ended"),
            ("accounts", "sshd-inside-*", "sshd-outside-*"),
            ssh_session_ends,
            decisive=False,
        ),
    ),
)
