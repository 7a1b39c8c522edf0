"""8.1.4.1 c and d on hosts: credentials cannot be overheard in remote management, and take more than one factor."""

from __future__ import annotations

from audit.judgement import readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


def configured_algorithms(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = []
    for sshd in readings.sshd_of_every_account(evidence):
        for name, allowed in policy.ssh.allowed().items():
            if weak := listed(sorted(set(sshd.algorithms(name)) - allowed)):
                problems.append(Text(f"{name} 含不允许的算法：{weak}", f"{name} has algorithms not allowed: {weak}"))
    return finding(
        problems,
        Text(
            "sshd 生效配置仅含允许的密钥交换、主机密钥、加密和完整性算法",
            "sshd is set to allowed key exchanges, host keys, ciphers and MACs alone",
        ),
    )


def offered_algorithms(evidence: ObjectEvidence, policy: Policy) -> Finding:
    offered, allowed = readings.wire_proposal(evidence), policy.ssh.allowed()
    problems = []
    for name, values in offered.items():
        if weak := listed(sorted(values - allowed[name])):
            problems.append(Text(f"{name} 提供不允许的算法：{weak}", f"{name}: the daemon offers {weak}"))
    return finding(
        problems,
        Text("从控制端实际协商：守护进程仅提供允许的算法", "negotiated from the controller: only allowed algorithms"),
    )


def daemon_runs_what_is_configured(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """`sshd -T` reads files; a daemon that was not reloaded goes on with what it read before."""
    offered = readings.wire_proposal(evidence)
    problems = [
        Text(f"{name}：配置与运行中的守护进程不一致", f"{name}: the running daemon has other settings than its files")
        for sshd in readings.sshd_of_every_account(evidence)
        for name in ("ciphers", "macs", "kexalgorithms")
        if set(sshd.algorithms(name)) != offered[name]
    ]
    return finding(problems, Text("运行中的守护进程与生效配置一致", "the daemon runs what is configured"))


def no_clear_text(evidence: ObjectEvidence, policy: Policy) -> Finding:
    ports = {one.port: one for one in readings.listeners(evidence)}
    problems = [
        Text(
            f"端口 {port}（{policy.clear_text_ports[port]}）在 {one.address} 监听",
            f"port {port} ({policy.clear_text_ports[port]}) listens at {one.address}",
        )
        for port, one in sorted(ports.items())
        if port in policy.clear_text_ports
    ]
    shown = listed(sorted(ports), 30)
    return finding(
        problems, Text(f"监听端口 {shown}，无明文管理服务", f"ports {shown}: no management in clear among them")
    )


def conditions_are_covered(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Accounts are all asked for; addresses, hosts and times cannot all be, so such blocks need a person's eye."""
    blocks = readings.conditional_blocks(evidence)
    open_ones = [block for block in blocks if not set(block.lower().split()[1::2]) <= {"user", "group", "all"}]
    if open_ones:
        shown = "；".join(open_ones)
        return person(
            f"sshd 有按其他条件生效的配置块，需人工核实：{shown}", f"sshd has blocks on other conditions: {shown}"
        )
    return finding(
        [],
        Text(
            f"{len(blocks)} 个条件配置块，均已按账户逐一核查",
            f"{len(blocks)} conditional blocks, asked account by account",
        ),
    )


def two_factors(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """One public key is one factor, however it is kept; `any` lets a client choose the weakest."""
    asked = [
        (sshd.account, sshd.value("authenticationmethods"))
        for sshd in readings.sshd_of_every_account(evidence)
        if sshd.account != "root" or sshd.value("permitrootlogin") != "no"
    ]
    single = [f"{name}: {methods}" for name, methods in asked if any("," not in chain for chain in methods.split())]
    if single:
        shown = listed(list(dict.fromkeys(single)))
        return finding([Text(f"登录只需一种鉴别方式：{shown}", f"one factor is enough: {shown}")], Text("", ""))
    return person(
        "sshd 对各账户均要求两种鉴别方式；第二种是否为独立因素，需人工核实",
        "sshd asks every account for two methods; whether the second is another factor a person has to judge",
    )


def cryptographic_factor(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = [
        Text(
            f"sshd 对 {sshd.account}（{sshd.place}）{name}=yes",
            f"sshd for {sshd.account} ({sshd.place}): {name} yes",
        )
        for sshd in readings.sshd_of_every_account(evidence)
        for name in ("passwordauthentication", "kbdinteractiveauthentication")
        if sshd.value(name) != "no" and "publickey" not in sshd.value("authenticationmethods")
    ]
    return finding(problems, Text("登录必须使用公钥（密码技术）", "logging in takes a public key (cryptography)"))


_ASKED = ("accounts", "sshd-inside-*", "sshd-outside-*")
RULE = ItemRule(
    "8.1.4.1.c",
    ObjectKind.HOST,
    Text(
        "核查 sshd 对各账户的生效配置；从控制端实际协商；核查监听端口",
        "asks sshd for each account; negotiates from the controller; lists listening ports",
    ),
    (
        SubPoint("configured", Text("生效的加密算法", "algorithms configured"), _ASKED, configured_algorithms),
        SubPoint(
            "offered", Text("实际提供的加密算法（实测）", "algorithms offered"), ("ssh-wire",), offered_algorithms
        ),
        SubPoint(
            "running",
            Text("守护进程与配置一致", "daemon runs what is configured"),
            ("ssh-wire", *_ASKED),
            daemon_runs_what_is_configured,
            decisive=False,
        ),
        SubPoint("clear-text", Text("无明文远程管理", "nothing in clear listens"), ("listeners",), no_clear_text),
        SubPoint(
            "conditions", Text("条件配置已覆盖", "conditional blocks covered"), ("sshd-match",), conditions_are_covered
        ),
    ),
)
FACTORS = ItemRule(
    "8.1.4.1.d",
    ObjectKind.HOST,
    Text("核查 sshd 对各账户要求的鉴别方式组合", "asks sshd which methods each account has to combine"),
    (
        SubPoint("two", Text("两种或以上鉴别方式", "two factors or more"), _ASKED, two_factors),
        SubPoint(
            "cryptography",
            Text("其一为密码技术", "one of them cryptographic"),
            _ASKED,
            cryptographic_factor,
            decisive=False,
        ),
    ),
)
