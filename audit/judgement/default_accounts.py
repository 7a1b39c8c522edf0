"""8.1.4.2 b: default accounts cannot log in, their passwords are not the default ones."""

from __future__ import annotations

from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, finding
from audit.judgement.verdict import Verdict
from audit.records import ObjectEvidence


def root_not_remote(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = [
        f"sshd 对 root（{place}）PermitRootLogin={value}，应为 no"
        for place in ("inside", "outside")
        if (value := readings.Sshd(evidence, "root", place).value("permitrootlogin")) != "no"
    ]
    return finding(problems, "root 不能远程登录")


def root_password(evidence: ObjectEvidence, policy: Policy) -> Finding:
    state = readings.password_states(evidence)["root"].state
    if state == "P":
        return Finding(Verdict.NEEDS_PERSON, "root 有可用口令：是否为默认口令、由谁保管，需人工核实")
    return finding(["root 口令为空"] if state == "NP" else [], "root 口令已锁定")


def product_accounts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """A usable password is 不符合; a shell behind a locked password (keys still open it) is 部分符合."""
    states = readings.password_states(evidence)
    present = [account for account in readings.accounts(evidence) if account.name in policy.default_accounts]
    usable = [account.name for account in present if states[account.name].state != "L"]
    shells = [account.name for account in present if account.interactive]
    if usable:
        return finding([f"默认账户有可用口令：{'、'.join(usable)}"], "")
    if shells:
        return Finding(Verdict.PARTIAL, f"默认账户口令已锁定，但保留登录 shell：{'、'.join(shells)}")
    return finding([], f"已知默认账户 {len(policy.default_accounts)} 个名称：存在 {len(present)} 个，均不能登录")


def system_accounts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    states = readings.password_states(evidence)
    problems = [
        f"系统账户 {account.name} 有可用口令"
        for account in readings.accounts(evidence)
        if 0 < account.uid < policy.first_person_uid and states[account.name].state != "L"
    ]
    return finding(problems, "系统自带账户的口令均已锁定")


RULE = ItemRule(
    "8.1.4.2.b",
    "核查 sshd 对 root 的生效配置；核查账户清单和口令状态",
    (
        SubPoint("root-remote", "root 不能远程登录", ("sshd-inside-root", "sshd-outside-root"), root_not_remote),
        SubPoint("root-password", "root 口令", ("accounts", "password-states"), root_password),
        SubPoint("product-accounts", "产品默认账户", ("accounts", "password-states"), product_accounts),
        SubPoint("system-accounts", "系统自带账户", ("accounts", "password-states"), system_accounts),
    ),
)
