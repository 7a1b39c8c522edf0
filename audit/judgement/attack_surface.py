"""8.1.4.4 a, b, c and e on hosts: what is installed, what listens, who may manage from where, what is patched."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from audit.exceptions import EvidenceError
from audit.judgement import documents, readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


def _packages(evidence: ObjectEvidence) -> dict[str, str]:
    """Package to status (`ii` is installed)."""
    found = {}
    for line in evidence.output("packages").splitlines():
        fields = line.split()
        if len(fields) < 2 or len(fields[0]) > 3:
            raise EvidenceError(f"{evidence.name}: packages: {line!r} is not a line of dpkg-query")
        found[fields[1]] = fields[0]
    return found


def unwanted(evidence: ObjectEvidence, policy: Policy) -> Finding:
    packages = _packages(evidence)
    found = listed(
        sorted(
            name
            for name, status in packages.items()
            if status.startswith("ii") and any(fnmatchcase(name, pattern) for pattern in policy.unwanted_packages)
        )
    )
    problems = [Text(f"安装了不需要的软件：{found}", f"installed and not needed: {found}")] if found else []
    return finding(
        problems,
        Text(
            f"{len(packages)} 个软件包，无编译、调试、嗅探、明文和文件共享类软件",
            f"{len(packages)} packages; no compilers, debuggers, sniffers, clear-text or file-sharing programs",
        ),
    )


def whole(evidence: ObjectEvidence, policy: Policy) -> Finding:
    half = listed(
        [
            f"{name} ({status})"
            for name, status in _packages(evidence).items()
            if status[:2] not in ("ii", "hi", "rc", "un")
        ]
    )
    return finding(
        [Text(f"未正确安装的软件包：{half}", f"packages half installed: {half}")] if half else [],
        Text("软件包均安装完整", "no package is half installed"),
    )


def _declared_ports(evidence: ObjectEvidence, policy: Policy) -> dict[tuple[str, int], str]:
    said = documents.declared(evidence)
    own = {("tcp", int(port)): what for port, what in said["ports"].items()}
    platform = {
        (one.protocol, one.port): one.what for one in policy.platform_ports if said["site_role"] in one.site_roles
    }
    return own | platform


def only_declared_ports(evidence: ObjectEvidence, policy: Policy) -> Finding:
    allowed = _declared_ports(evidence, policy)
    open_ones = [one for one in readings.listeners(evidence) if not one.local]
    extra = listed(
        sorted(
            {
                f"{one.protocol}/{one.port} ({one.program or '?'})"
                for one in open_ones
                if (one.protocol, one.port) not in allowed
            }
        )
    )
    shown = listed(sorted({f"{one.protocol}/{one.port}" for one in open_ones}), 20)
    return finding(
        [Text(f"未声明的监听端口：{extra}", f"ports open and not declared: {extra}")] if extra else [],
        Text(f"监听端口 {shown} 均已声明", f"ports {shown} are all declared"),
    )


def only_declared_answer(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """The same, seen from outside the host: a port that `ss` hides would show here."""
    allowed = {port for protocol, port in _declared_ports(evidence, policy) if protocol == "tcp"}
    answers = {int(port): answer for port, answer in documents.mapping(evidence, "reach").items()}
    if not any(answer == "open" for answer in answers.values()):
        raise EvidenceError(f"{evidence.name}: reach: no port answered, not even SSH", "one open port at least")
    extra = listed(sorted(port for port, answer in answers.items() if answer == "open" and port not in allowed))
    return finding(
        [Text(f"从控制端可连接未声明的端口：{extra}", f"ports that answer and are not declared: {extra}")]
        if extra
        else [],
        Text(
            f"从控制端试连 {len(answers)} 个端口，仅声明的端口应答",
            f"{len(answers)} ports tried: only declared ones answer",
        ),
    )


def no_needless_services(evidence: ObjectEvidence, policy: Policy) -> Finding:
    units = set(documents.names(evidence, "units-running")) | set(documents.names(evidence, "units-enabled"))
    if not units:
        raise EvidenceError(f"{evidence.name}: units-running: no unit at all", "a list of units")
    found = listed(sorted(u for u in units if any(fnmatchcase(u, pattern) for pattern in policy.unwanted_units)))
    return finding(
        [Text(f"不需要的服务：{found}", f"services not needed: {found}")] if found else [],
        Text(
            f"{len(units)} 个启用或运行的单元，无共享、打印、明文等不需要的服务",
            f"{len(units)} units, none of them needless",
        ),
    )


def from_known_addresses(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """sshd limits where each account may come from, or the packet filter limits who reaches port 22."""
    record = evidence.record("packet-filter")
    if (
        record.exit_status == 0
        and re.search(r"saddr [^\n]*dport (22|ssh)\b[^\n]* accept", record.stdout)
        and _drops(record.stdout)
    ):
        return finding(
            [], Text("防火墙仅允许指定地址访问 SSH", "the packet filter lets known addresses reach SSH alone")
        )
    open_ones = []
    for sshd in readings.sshd_of_every_account(evidence):
        if sshd.place == "outside" and sshd.value("permitrootlogin") == "no" and sshd.account == "root":
            continue
        allowed = sshd.several("allowusers")
        if sshd.place == "outside" and (not allowed or any("@" not in one for one in allowed)):
            open_ones.append(sshd.account)
    shown = listed(open_ones)
    return finding(
        [Text(f"{shown} 可从任何地址管理", f"{shown} may manage from any address")] if open_ones else [],
        Text("SSH 仅接受指定网络地址范围的管理终端", "SSH takes administrators from named networks alone"),
    )


def by_key_alone(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = [
        Text(f"sshd 对 {sshd.account} {name} {sshd.value(name)}", f"sshd for {sshd.account}: {name} {sshd.value(name)}")
        for sshd in readings.sshd_of_every_account(evidence)
        for name in ("passwordauthentication", "kbdinteractiveauthentication")
        if sshd.value(name) != "no"
    ]
    return finding(problems, Text("仅接受公钥方式接入", "public keys are the only way in"))


def _drops(rules: str) -> bool:
    return bool(re.search(r"hook input[^\n]*policy drop", rules))


def still_supported(evidence: ObjectEvidence, policy: Policy) -> Finding:
    text = evidence.output("os-release")
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    release = f"{values.get('ID', '')}-{values.get('VERSION_ID', '')}".replace('"', "")
    last = policy.supported_until.get(release)
    if last is None:
        return person(
            f"未知的系统版本 {release}，支持期限需人工核实", f"unknown release {release}: until when is it supported?"
        )
    over = documents.when(evidence, "os-release").date() > last
    return finding(
        [Text(f"{release} 的安全更新已于 {last} 终止", f"security updates of {release} ended on {last}")]
        if over
        else [],
        Text(f"{release} 的安全更新至 {last}", f"{release} gets security updates until {last}"),
    )


def patches(evidence: ObjectEvidence, policy: Policy) -> Finding:
    count = sum(1 for status in _packages(evidence).values() if status.startswith("ii"))
    return person(
        f"主机不能访问软件源，离线无法判断漏洞；请以证据中的 {count} 个软件包版本对照漏洞库",
        f"the host reaches no archive, so nothing can be said offline: compare the {count} versions with advisories",
    )


_ASKED = ("accounts", "sshd-inside-*", "sshd-outside-*")
INSTALLED = ItemRule(
    "8.1.4.4.a",
    ObjectKind.HOST,
    Text("读取全部软件包及状态", "lists all packages and their states"),
    (
        SubPoint("unwanted", Text("无不需要的软件", "nothing that is not needed"), ("packages",), unwanted),
        SubPoint("whole", Text("软件包完整", "packages whole"), ("packages",), whole, decisive=False),
    ),
)
LISTENING = ItemRule(
    "8.1.4.4.b",
    ObjectKind.HOST,
    Text(
        "比对监听端口与声明的端口；从控制端试连；读取启用的服务",
        "compares ports with the declared ones; tries them from outside",
    ),
    (
        SubPoint(
            "ports", Text("监听端口均已声明", "declared ports only"), ("listeners", "declared"), only_declared_ports
        ),
        SubPoint(
            "reach",
            Text("仅声明的端口应答（实测）", "only declared ports answer (tried)"),
            ("reach", "declared"),
            only_declared_answer,
        ),
        SubPoint(
            "services",
            Text("无不需要的服务和共享", "no needless services or shares"),
            ("units-*",),
            no_needless_services,
        ),
    ),
)
TERMINALS = ItemRule(
    "8.1.4.4.c",
    ObjectKind.HOST,
    Text(
        "核查 sshd 对各账户的地址限制和防火墙规则",
        "asks sshd where each account may come from; reads the packet filter",
    ),
    (
        SubPoint(
            "addresses", Text("限定管理地址", "known addresses only"), (*_ASKED, "packet-filter"), from_known_addresses
        ),
        SubPoint("method", Text("限定接入方式", "one way in"), _ASKED, by_key_alone, decisive=False),
    ),
)
PATCHED = ItemRule(
    "8.1.4.4.e",
    ObjectKind.HOST,
    Text(
        "读取系统版本和软件包版本，对照支持期限", "reads release and package versions, compares with the end of support"
    ),
    (
        SubPoint("release", Text("系统在支持期内", "release still supported"), ("os-release",), still_supported),
        SubPoint("patches", Text("已知漏洞", "known vulnerabilities"), ("packages",), patches),
    ),
)
