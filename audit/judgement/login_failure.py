"""8.1.4.1 b: failed log-ins lock the account, sessions end, idle ones too."""

from __future__ import annotations

import re

from audit.exceptions import EvidenceError
from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, finding
from audit.judgement.verdict import Verdict
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
    problems = [f"错误口令登录成功 {len(let_in)} 次"] if let_in else []
    if after.exit_status == 0:
        problems.append(f"连续 {len(wrong)} 次失败后正确口令仍可登录，账户未锁定")
    return finding(problems, f"实测：连续 {len(wrong)} 次失败后，正确口令也被拒绝")


def lock_lasts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    after = readings.attempt(evidence, "lockout-right-after")
    if after.exit_status == 0:
        return finding(["账户未锁定，无锁定时间"], "")
    left = _LEFT.search(after.said)
    if left is None:
        return Finding(Verdict.NEEDS_PERSON, f"系统未说明锁定时间，需人工核实：{after.said.strip()}")
    seconds = int(left[1]) * 60
    problems = (
        []
        if seconds >= policy.guide.unlock_seconds
        else [f"锁定 {seconds} 秒，应不少于 {policy.guide.unlock_seconds} 秒"]
    )
    return finding(problems, f"实测锁定时间 {seconds} 秒")


def root_is_limited(evidence: ObjectEvidence, policy: Policy) -> Finding:
    state = readings.password_states(evidence).get("root")
    if state is None:
        raise EvidenceError(f"{evidence.name}: password-states: nothing about root")
    even = readings.setting(evidence.output("faillock-conf"), "even_deny_root")
    if state.state == "L":
        return finding([], "root 口令已锁定，无可猜测的口令")
    return finding(
        [] if even is not None else ["root 有可用口令，且 faillock 未设 even_deny_root"], "faillock 对 root 同样生效"
    )


def idle_ends(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = evidence.record("idle-timeout")
    declared = re.search(r'^declare -(\w+) TMOUT="(\d+)"$', record.stdout, re.MULTILINE)
    if declared is None:
        if record.exit_status == 0 or "TMOUT: not found" not in record.stderr:
            raise EvidenceError(
                f"{evidence.name}: idle-timeout: neither a value nor 'not found': {record.stderr.strip()[-200:]}"
            )
        return finding(["登录 shell 未设 TMOUT，空闲会话不退出"], "")
    limit, seconds = policy.guide.idle_timeout_seconds, int(declared[2])
    problems = [] if 1 <= seconds <= limit else [f"TMOUT={seconds}，应为 1–{limit}"]
    if "r" not in declared[1]:
        problems.append("TMOUT 非只读，用户可自行取消")
    for account in readings.accounts(evidence):
        if account.interactive and account.shell.rsplit("/", 1)[-1] != "bash":
            problems.append(f"{account.name} 的 shell {account.shell or '/bin/sh'} 不支持 TMOUT")
    return finding(problems, f"登录 shell 的 TMOUT={seconds}，只读")


def ssh_session_ends(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = []
    for sshd in readings.sshd_of_every_account(evidence):
        where = f"sshd 对 {sshd.account}（{sshd.place}）"
        alive = sshd.number("clientaliveinterval") * sshd.number("clientalivecountmax")
        limits = (
            ("maxauthtries", sshd.number("maxauthtries"), policy.max_auth_tries),
            ("logingracetime", sshd.number("logingracetime"), policy.login_grace_seconds),
            ("clientaliveinterval×clientalivecountmax", alive, policy.guide.idle_timeout_seconds),
        )
        problems += [
            f"{where}{name}={value}，应为 1–{limit}" for name, value, limit in limits if not 1 <= value <= limit
        ]
    return finding(problems, "sshd 对各账户均限制尝试次数、登录宽限时间，并断开失去响应的连接")


RULE = ItemRule(
    "8.1.4.1.b",
    "以专用账户实际连续登录失败；在登录 shell 中读取 TMOUT；核查 sshd 对各账户的生效配置",
    (
        SubPoint("lock-out", "登录失败锁定（实测）", ("credential-probe",), locks),
        SubPoint("lock-time", "锁定时间（实测）", ("credential-probe",), lock_lasts, decisive=False),
        SubPoint(
            "root", "root 同样受限", ("accounts", "password-states", "faillock-conf"), root_is_limited, decisive=False
        ),
        SubPoint("idle", "空闲会话自动退出", ("idle-timeout", "accounts"), idle_ends),
        SubPoint(
            "session",
            "限制尝试并结束会话",
            ("accounts", "sshd-inside-*", "sshd-outside-*"),
            ssh_session_ends,
            decisive=False,
        ),
    ),
)
