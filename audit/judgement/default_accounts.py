"""8.1.4.2 b on hosts: default accounts cannot log in, their passwords are not the default ones."""

from __future__ import annotations

from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


def root_not_remote(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = [
        Text(
            f"sshd 对 root（{place}）PermitRootLogin={value}，应为 no",
            f"sshd for root ({place}): PermitRootLogin {value}, expected no",
        )
        for place in ("inside", "outside")
        if (value := readings.Sshd(evidence, "root", place).value("permitrootlogin")) != "no"
    ]
    return finding(problems, Text("root 不能远程登录", "root cannot log in from afar"))


def root_password(evidence: ObjectEvidence, policy: Policy) -> Finding:
    state = readings.password_states(evidence)["root"].state
    if state == "P":
        return person(
            "root 有可用口令：是否为默认口令、由谁保管，需人工核实",
            "root has a password: whether it is a default one, and who keeps it, a person has to find out",
        )
    problems = [Text("root 口令为空", "root's password is empty")] if state == "NP" else []
    return finding(problems, Text("root 口令已锁定", "root's password is locked"))


def product_accounts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """A usable password is 不符合; a shell behind a locked password (keys still open it) is 部分符合."""
    states = readings.password_states(evidence)
    present = [account for account in readings.accounts(evidence) if account.name in policy.default_accounts]
    usable = listed([account.name for account in present if states[account.name].state != "L"])
    shells = listed([account.name for account in present if account.interactive])
    if usable:
        return finding(
            [Text(f"默认账户有可用口令：{usable}", f"default accounts with a password: {usable}")], Text("", "")
        )
    if shells:
        said = Text(
            f"默认账户口令已锁定，但保留登录 shell：{shells}", f"default accounts, locked but with a shell: {shells}"
        )
        return Finding(Verdict.PARTIAL, said)
    return finding(
        [],
        Text(
            f"已知默认账户 {len(policy.default_accounts)} 个名称：存在 {len(present)} 个，均不能登录",
            f"of {len(policy.default_accounts)} known names {len(present)} exist, and none can log in",
        ),
    )


def system_accounts(evidence: ObjectEvidence, policy: Policy) -> Finding:
    states = readings.password_states(evidence)
    problems = [
        Text(f"系统账户 {account.name} 有可用口令", f"system account {account.name} has a password")
        for account in readings.accounts(evidence)
        if 0 < account.uid < policy.first_person_uid and states[account.name].state != "L"
    ]
    return finding(problems, Text("系统自带账户的口令均已锁定", "the system's own accounts have no usable password"))


_LISTS = ("accounts", "password-states")
RULE = ItemRule(
    "8.1.4.2.b",
    ObjectKind.HOST,
    Text(
        "核查 sshd 对 root 的生效配置；核查账户清单和口令状态",
        "asks sshd about root; lists accounts and passwords' states",
    ),
    (
        SubPoint(
            "root-remote",
            Text("root 不能远程登录", "no root from afar"),
            ("sshd-inside-root", "sshd-outside-root"),
            root_not_remote,
        ),
        SubPoint("root-password", Text("root 口令", "root's password"), _LISTS, root_password),
        SubPoint("product-accounts", Text("产品默认账户", "products' default accounts"), _LISTS, product_accounts),
        SubPoint("system-accounts", Text("系统自带账户", "the system's own accounts"), _LISTS, system_accounts),
    ),
)
