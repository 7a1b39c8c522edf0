"""8.1.2.1 and 8.1.3: zones and addresses, what crosses the boundary, packet filters, ways out, radio."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from audit.exceptions import EvidenceError
from audit.judgement import documents
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_SAYS_NO = (
    "Network is unreachable",
    "No route to host",
    "Permission denied",
    "Network unreachable",
    "Connection refused",
)
_TIMED_OUT, _ATTEMPTS = 124, 2


def _addresses(evidence: ObjectEvidence, name: str) -> list[tuple[str, str]]:
    """(interface, IPv4 address) of `ip -json address`, without loopback."""
    found = [
        (str(link["ifname"]), str(one["local"]))
        for link in documents.parsed(evidence, name)
        for one in link["addr_info"]
        if one["family"] == "inet" and link["ifname"] != "lo"
    ]
    if not found:
        raise EvidenceError(f"{evidence.name}: {name}: no address at all", "the address of the host")
    return found


def _hosts(evidence: ObjectEvidence, prefix: str) -> list[tuple[str, dict[str, Any]]]:
    """The declared hosts; each needs its record, so that one that was not examined is an error and no gap."""
    hosts: dict[str, dict[str, Any]] = documents.declared(evidence)["hosts"]
    for name in hosts:
        evidence.record(f"{prefix}@{name}")
    return list(hosts.items())


def _lines(evidence: ObjectEvidence) -> dict[str, list[str]]:
    """Addresses on encrypted lines, by gateway; evidence from before there were any has none."""
    found: dict[str, list[str]] = documents.declared(evidence).get("lines", {})
    return found


def zones_apart(evidence: ObjectEvidence, policy: Policy) -> Finding:
    sites = documents.declared(evidence)["sites"]
    networks = {name: IPv4Network(site["network"]) for name, site in sites.items()}
    names = sorted(networks)
    problems = [
        Text(f"{a} 与 {b} 的网段重叠", f"the networks of {a} and {b} overlap")
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if networks[a].overlaps(networks[b])
    ]
    shown = listed([f"{name} {networks[name]}" for name in names])
    return finding(problems, Text(f"各区域网段独立：{shown}", f"each zone has a network of its own: {shown}"))


def addresses_as_planned(evidence: ObjectEvidence, policy: Policy) -> Finding:
    sites, problems, lines = documents.declared(evidence)["sites"], [], _lines(evidence)
    for name, host in _hosts(evidence, "interfaces"):
        network = IPv4Network(sites[host["site"]]["network"])
        for interface, address in _addresses(evidence, f"interfaces@{name}"):
            if address not in lines.get(name, ()) and IPv4Address(address) not in network:
                problems.append(
                    Text(
                        f"{name} 的 {interface} 地址 {address} 不在 {network}",
                        f"{name} {interface} {address} is outside {network}",
                    )
                )
    return finding(problems, Text("各主机地址均在所属区域网段内", "every address lies in its zone's network"))


def one_way_across(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """A host in two networks, or one that forwards, is a boundary that nobody declared, but for gateways of lines."""
    problems, lines = [], _lines(evidence)
    for name, _ in _hosts(evidence, "interfaces"):
        addresses = _addresses(evidence, f"interfaces@{name}")
        interfaces = sorted({interface for interface, address in addresses if address not in lines.get(name, ())})
        if len(interfaces) > 1:
            problems.append(Text(f"{name} 跨接 {listed(interfaces)}", f"{name} stands in {listed(interfaces)}"))
        gateways = {r.get("gateway") for r in documents.parsed(evidence, f"routes@{name}") if r.get("gateway")}
        if len(gateways) > 1:
            problems.append(Text(f"{name} 有多个出口 {listed(sorted(gateways))}", f"{name} has several ways out"))
    return finding(
        problems, Text("各主机仅经一个接口和一个网关跨越边界", "every host crosses by one interface and one gateway")
    )


def nobody_forwards(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems, lines = [], _lines(evidence)
    for name, _ in _hosts(evidence, "kernel-settings"):
        value = re.search(r"^net\.ipv4\.ip_forward = (\d)", evidence.output(f"kernel-settings@{name}"), re.MULTILINE)
        if value is None:
            raise EvidenceError(f"{evidence.name}: kernel-settings@{name}: no ip_forward", "0 or 1")
        if value[1] != "0" and name not in lines:
            problems.append(Text(f"{name} 转发数据包", f"{name} forwards packets"))
    return finding(problems, _forwarders(sorted(lines)))


def _forwarders(gateways: list[str]) -> Text:
    if not gateways:
        return Text("无主机转发数据包", "no host forwards packets")
    shown = listed(gateways)
    return Text(f"仅声明的加密线路网关转发数据包：{shown}", f"only gateways of declared lines forward packets: {shown}")


def inside_only(evidence: ObjectEvidence, policy: Policy) -> Finding:
    said = documents.declared(evidence)
    supernet = IPv4Network(said["supernet"])
    found = [address for _, address in _addresses(evidence, "interfaces") if address not in said.get("lines", ())]
    public = listed([one for one in found if ip_address(one).is_global])
    outside = listed([one for one in found if IPv4Address(one) not in supernet])
    problems = [Text(f"公网地址 {public}", f"public addresses {public}")] if public else []
    if outside:
        problems.append(Text(f"地址 {outside} 不在规划网段 {supernet}", f"{outside} is outside {supernet}"))
    return finding(problems, Text(f"仅有内部地址 {listed(found)}", f"inside addresses alone: {listed(found)}"))


def _filter(evidence: ObjectEvidence) -> str:
    record = evidence.record("packet-filter")
    if record.exit_status != 0:
        raise EvidenceError(
            f"{evidence.name}: `{record.command}` ended with {record.exit_status}: {record.stderr.strip()}", "rules"
        )
    return record.stdout


def isolated(evidence: ObjectEvidence, policy: Policy) -> Finding:
    drops = _has_default_deny(_filter(evidence), "input")
    return finding(
        []
        if drops
        else [
            Text(
                "主机与其他区域之间无技术隔离：包过滤缺省不拒绝",
                "nothing isolates it: the filter denies nothing by default",
            )
        ],
        Text("包过滤缺省拒绝其他区域的访问", "the packet filter denies other zones by default"),
    )


def _has_default_deny(rules: str, hook: str) -> bool:
    return bool(re.search(rf"hook {hook}[^\n]*policy drop", rules))


def default_deny(evidence: ObjectEvidence, policy: Policy) -> Finding:
    rules = _filter(evidence)
    lacks = Text(
        "入站缺省策略不是拒绝" if rules.strip() else "未配置包过滤规则",
        "no rules" if not rules.strip() else "input is not denied by default",
    )
    return finding(
        [] if _has_default_deny(rules, "input") else [lacks], Text("入站缺省拒绝", "input is denied by default")
    )


_PORT = r"dport|ip protocol esp"  # what lines between sites send has no ports
_ANYWAY = ("policy", "established", 'iif "lo"', 'iifname "lo"')


def _accepting(rules: str) -> list[str]:
    """Rules that let new packets in: not those of other directions, about sessions that exist, or for loopback."""
    chains = [chain for chain in re.split(r"\bchain ", rules) if not re.search(r"hook (output|forward)", chain)]
    return [
        line.strip()
        for chain in chains
        for line in chain.splitlines()
        if re.search(r"\baccept\b", line) and not any(word in line for word in _ANYWAY)
    ]


def five_fields(evidence: ObjectEvidence, policy: Policy) -> Finding:
    rules = _accepting(_filter(evidence))
    if not rules:
        return finding([Text("无任何放行规则可核查", "there is no rule to check")], Text("", ""))
    loose = [rule for rule in rules if not ("saddr" in rule and re.search(_PORT, rule)) and "icmp" not in rule]
    return finding(
        [Text(f"规则未同时限定源地址和端口：{listed(loose)}", f"rules without source or port: {listed(loose)}")]
        if loose
        else [],
        Text(
            f"{len(rules)} 条放行规则均限定源地址、协议和端口",
            f"{len(rules)} rules, all with source, protocol and port",
        ),
    )


def by_session(evidence: ObjectEvidence, policy: Policy) -> Finding:
    rules = _filter(evidence)
    stateful = re.search(r"ct state (vmap )?\{?[^\n]*established", rules) and _has_default_deny(rules, "input")
    return finding(
        [] if stateful else [Text("无会话状态检测规则", "no rule knows about sessions")],
        Text("按会话状态放行", "packets are let in by the state of their session"),
    )


def no_way_out(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Connections to addresses that nobody has: a network that lets them out stays silent, any other says so."""
    silent, attempts = [], evidence.named("outward-")
    if len(attempts) < _ATTEMPTS:
        raise EvidenceError(f"{evidence.name}: {len(attempts)} attempts outward were made", str(_ATTEMPTS))
    for name, record in attempts.items():
        if record.exit_status == 0:
            return finding([Text(f"可连接外部地址 {name}", f"connected to {name} outside")], Text("", ""))
        if record.exit_status == _TIMED_OUT:
            silent.append(name)
        elif not any(words in record.stderr for words in _SAYS_NO):
            raise EvidenceError(f"{evidence.name}: outward-{name}: {record.stderr.strip()}", "a refusal or silence")
    if silent:
        return person(
            f"外连 {listed(silent)} 无应答：是被静默丢弃还是已送出，需在边界核实",
            f"connections to {listed(silent)} stay unanswered: look at the boundary whether they left",
        )
    return finding([], Text("实测：外连被网络立即拒绝", "tried: the network refuses connections outward at once"))


def egress_rules(evidence: ObjectEvidence, policy: Policy) -> Finding:
    drops = _has_default_deny(_filter(evidence), "output")
    lacks = Text("本机无出站限制，仅靠网络边界", "the host itself limits nothing outward: the network alone does")
    return finding([] if drops else [lacks], Text("本机出站缺省拒绝", "the host denies outward by default"))


def no_radio(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = evidence.record("wireless")
    found = record.stdout.split()
    if record.exit_status != 0 and (found or "/sys/class/net/*/phy80211" not in record.stderr):
        raise EvidenceError(f"{evidence.name}: wireless: {record.stderr.strip()}", "a list, or that there is none")
    if found:
        return person(
            f"存在无线网卡 {listed(found)}，接入控制需人工核实",
            f"radio interfaces {listed(found)}: how are they limited?",
        )
    return Finding(Verdict.NOT_APPLICABLE, Text("主机无无线网卡", "the host has no radio interface"))


_HOST, _NETWORK = ObjectKind.HOST, ObjectKind.NETWORK
_READ_FILTER = Text("读取生效的包过滤规则", "reads the packet filter's rules in force")
_COMPARED = Text(
    "比对各主机实际接口、地址、路由与声明的区域", "compares interfaces, addresses and routes with the declared zones"
)
_FILTER = ("packet-filter",)
RULES = (
    ItemRule(
        "8.1.2.1.c",
        _NETWORK,
        _COMPARED,
        (
            SubPoint("zones", Text("区域独立", "zones apart"), ("declared",), zones_apart),
            SubPoint(
                "addresses",
                Text("地址按规划分配", "addresses as planned"),
                ("declared", "interfaces@*"),
                addresses_as_planned,
            ),
        ),
    ),
    ItemRule(
        "8.1.2.1.d",
        _HOST,
        Text("核查地址和包过滤规则", "looks at addresses and the packet filter"),
        (
            SubPoint("inside", Text("不在网络边界", "not at the edge"), ("interfaces", "declared"), inside_only),
            SubPoint("isolated", Text("与其他区域隔离", "isolated"), _FILTER, isolated, decisive=False),
        ),
    ),
    ItemRule(
        "8.1.3.1.a",
        _NETWORK,
        _COMPARED,
        (
            SubPoint(
                "one-way",
                Text("经受控接口跨越边界", "one controlled way across"),
                ("declared", "interfaces@*", "routes@*"),
                one_way_across,
            ),
            SubPoint(
                "forwarding", Text("主机不转发", "nobody forwards"), ("declared", "kernel-settings@*"), nobody_forwards
            ),
        ),
    ),
    ItemRule(
        "8.1.3.1.c",
        _HOST,
        Text("从主机试连外部保留地址；读取出站规则", "tries to connect outward; reads rules for packets that leave"),
        (
            SubPoint("outward", Text("不能外连（实测）", "no way out (tried)"), ("outward-*",), no_way_out),
            SubPoint("egress", Text("本机出站限制", "limits of the host"), _FILTER, egress_rules, decisive=False),
        ),
    ),
    ItemRule(
        "8.1.3.1.d",
        _HOST,
        Text("查找无线网卡", "looks for radio interfaces"),
        (SubPoint("radio", Text("无线接入", "radio"), ("wireless",), no_radio),),
    ),
    ItemRule(
        "8.1.3.2.a", _HOST, _READ_FILTER, (SubPoint("deny", Text("缺省拒绝", "default deny"), _FILTER, default_deny),)
    ),
    ItemRule(
        "8.1.3.2.c",
        _HOST,
        _READ_FILTER,
        (SubPoint("fields", Text("源、目的、端口、协议", "five fields"), _FILTER, five_fields),),
    ),
    ItemRule("8.1.3.2.d", _HOST, _READ_FILTER, (SubPoint("state", Text("会话状态", "sessions"), _FILTER, by_session),)),
)
