"""8.1.4.1 c: credentials cannot be overheard in remote management."""

from __future__ import annotations

from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, finding
from audit.judgement.verdict import Verdict
from audit.records import ObjectEvidence


def configured_algorithms(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = []
    for sshd in readings.sshd_of_every_account(evidence):
        for name, allowed in policy.ssh.allowed().items():
            weak = sorted(set(sshd.algorithms(name)) - allowed)
            if weak:
                problems.append(f"{name} 含不允许的算法：{'、'.join(weak)}")
    return finding(list(dict.fromkeys(problems)), "sshd 生效配置仅含允许的密钥交换、主机密钥、加密和完整性算法")


def offered_algorithms(evidence: ObjectEvidence, policy: Policy) -> Finding:
    offered, allowed = readings.wire_proposal(evidence), policy.ssh.allowed()
    problems = []
    for name, values in offered.items():
        weak = sorted(values - allowed[name])
        if weak:
            problems.append(f"{name} 提供不允许的算法：{'、'.join(weak)}")
    return finding(problems, "从控制端实际协商：守护进程仅提供允许的算法")


def daemon_runs_what_is_configured(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """`sshd -T` reads files; a daemon that was not reloaded goes on with what it read before."""
    offered = readings.wire_proposal(evidence)
    for sshd in readings.sshd_of_every_account(evidence):
        problems = [
            f"{name}：配置与运行中的守护进程不一致"
            for name in ("ciphers", "macs", "kexalgorithms")
            if set(sshd.algorithms(name)) != offered[name]
        ]
        if problems:
            return finding(problems, "")
    return finding([], "运行中的守护进程与生效配置一致")


def no_clear_text(evidence: ObjectEvidence, policy: Policy) -> Finding:
    ports = readings.listening_ports(evidence)
    problems = [
        f"端口 {port}（{policy.clear_text_ports[port]}）在 {address} 监听"
        for port, address in sorted(ports.items())
        if port in policy.clear_text_ports
    ]
    return finding(problems, f"监听端口 {'、'.join(map(str, sorted(ports)))}，无明文管理服务")


def conditions_are_covered(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Accounts are all asked for; addresses, hosts and times cannot all be, so such blocks need a person's eye."""
    blocks = readings.conditional_blocks(evidence)
    open_ones = [block for block in blocks if not set(block.lower().split()[1::2]) <= {"user", "group", "all"}]
    if open_ones:
        return Finding(Verdict.NEEDS_PERSON, f"sshd 有按其他条件生效的配置块，需人工核实：{'；'.join(open_ones)}")
    return Finding(Verdict.COMPLIANT, f"{len(blocks)} 个条件配置块，均已按账户逐一核查")


RULE = ItemRule(
    "8.1.4.1.c",
    "核查 sshd 对各账户的生效配置；从控制端实际协商；核查监听端口",
    (
        SubPoint(
            "configured", "生效的加密算法", ("accounts", "sshd-inside-*", "sshd-outside-*"), configured_algorithms
        ),
        SubPoint("offered", "实际提供的加密算法（实测）", ("ssh-wire",), offered_algorithms),
        SubPoint(
            "running",
            "守护进程与配置一致",
            ("ssh-wire", "accounts", "sshd-inside-*", "sshd-outside-*"),
            daemon_runs_what_is_configured,
            decisive=False,
        ),
        SubPoint("clear-text", "无明文远程管理", ("listeners",), no_clear_text),
        SubPoint("conditions", "条件配置已覆盖", ("sshd-match",), conditions_are_covered),
    ),
)
