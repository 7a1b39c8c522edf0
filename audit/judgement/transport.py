"""8.1.2.2, 8.1.4.7 a and 8.1.4.8 a on etcd, cores and gateways: what their TLS really agrees to, tried on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from audit.exceptions import EvidenceError
from audit.judgement import documents
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


def _agreed(evidence: ObjectEvidence, name: str) -> dict[str, list[str]]:
    """Version to suites. A port that agreed to nothing at all was not a TLS server, or not reached: no result."""
    found = documents.mapping(evidence, name)
    accepted = {version: suites for version, suites in found.items() if isinstance(suites, list) and suites}
    if not accepted or len(found) < 5:
        raise EvidenceError(f"{evidence.name}: {name}: agreed to no version: {found}", "a TLS server")
    return accepted


def _records(evidence: ObjectEvidence) -> tuple[str, ...]:
    return ("tls", "peer-tls") if evidence.kind is ObjectKind.ETCD else ("tls",)


def versions(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems, shown = [], set[str]()
    for name in _records(evidence):
        accepted = _agreed(evidence, name)
        shown |= set(accepted)
        if old := listed(sorted(set(accepted) - policy.tls.versions)):
            problems.append(Text(f"接受过时的协议版本 {old}（{name}）", f"takes the old versions {old} ({name})"))
    return finding(
        problems, Text(f"实测仅接受 {listed(sorted(shown))}", f"tried: only {listed(sorted(shown))} is taken")
    )


def _suites_without(words: Callable[[Policy], tuple[str, ...]]) -> Callable[[ObjectEvidence, Policy], Finding]:
    def judge(evidence: ObjectEvidence, policy: Policy) -> Finding:
        weak, count = list[str](), 0
        for name in _records(evidence):
            suites = [suite for suites in _agreed(evidence, name).values() for suite in suites]
            count += len(suites)
            weak += [suite for suite in suites if any(re.search(word, suite) for word in words(policy))]
        shown = listed(sorted(set(weak)))
        return finding(
            [Text(f"接受不安全的密码套件：{shown}", f"takes weak cipher suites: {shown}")] if weak else [],
            Text(f"实测接受的 {count} 个套件均符合", f"tried: all {count} suites that are taken are sound"),
        )

    return judge


def certificate(evidence: ObjectEvidence, policy: Policy) -> Finding:
    found = documents.mapping(evidence, "certificate")
    if not found.get("trusted"):
        said = found.get("problem", "?")
        return finding([Text(f"证书不可信：{said}", f"the certificate is not trusted: {said}")], Text("", ""))
    last = datetime.fromisoformat(documents.answered(found, "not_after", f"{evidence.name}: certificate"))
    left = last - documents.when(evidence, "certificate")
    problems = []
    if left < timedelta(days=policy.certificate_days):
        problems.append(Text(f"证书仅余 {left.days} 天", f"the certificate has {left.days} days left"))
    return finding(
        problems,
        Text(
            f"证书由本环境 CA 签发，与地址相符，至 {last:%Y-%m-%d}（{found.get('key')}）",
            f"signed by the environment's authority, fits the address, until {last:%Y-%m-%d} ({found.get('key')})",
        ),
    )


def nothing_in_clear(evidence: ObjectEvidence, policy: Policy) -> Finding:
    answer = str(documents.answered(documents.mapping(evidence, "plain"), "answer", f"{evidence.name}: plain"))
    served = answer not in ("", "(silent)") and "HTTPS" not in answer and " 400 " not in answer and not _alert(answer)
    said = answer[:60].replace("\r\n", " ")
    return finding(
        [Text(f"明文请求得到应答：{said}", f"a question in clear is answered: {said}")] if served else [],
        Text("实测明文连接被拒绝", "tried: a connection in clear is refused"),
    )


def _alert(answer: str) -> bool:
    """A TLS alert, as text."""
    return answer.startswith("\x15")


def metrics_in_clear(evidence: ObjectEvidence, policy: Policy) -> Finding:
    answer = str(documents.answered(documents.mapping(evidence, "metrics"), "answer", f"{evidence.name}: metrics"))
    return finding(
        [Text("运行指标以明文提供，且不鉴别", "metrics are served in clear, to anybody")]
        if " 200 " in answer[:40]
        else [],
        Text("运行指标不以明文提供", "metrics are not served in clear"),
    )


def national(evidence: ObjectEvidence, policy: Policy) -> Finding:
    suites = [s for name in _records(evidence) for found in _agreed(evidence, name).values() for s in found]
    known = listed([s for s in suites if any(word in s for word in policy.tls.national)])
    lacks = Text("不支持国密套件（SM2/SM3/SM4）", "no suites of the national algorithms (SM2, SM3, SM4)")
    return finding([] if known else [lacks], Text(f"支持 {known}", f"takes {known}"))


_METHOD = Text(
    "从控制端逐一试探 TLS 版本和密码套件，核查证书，并以明文试连",
    "offers TLS versions and cipher suites one by one, checks the certificate, and tries in clear",
)
_TLS = ("tls", "peer-tls")
_VERSIONS = SubPoint("versions", Text("协议版本（实测）", "versions (tried)"), _TLS, versions)
_CERTIFICATE = SubPoint("certificate", Text("证书", "certificate"), ("certificate",), certificate, decisive=False)
_INTEGRITY = (
    _VERSIONS,
    SubPoint(
        "integrity",
        Text("完整性算法（实测）", "integrity algorithms (tried)"),
        _TLS,
        _suites_without(lambda policy: policy.tls.no_integrity),
    ),
    _CERTIFICATE,
)
_CONFIDENTIALITY = (
    _VERSIONS,
    SubPoint(
        "ciphers",
        Text("加密算法（实测）", "ciphers (tried)"),
        _TLS,
        _suites_without(lambda policy: policy.tls.no_confidentiality),
    ),
    SubPoint("plain", Text("拒绝明文（实测）", "nothing in clear (tried)"), ("plain",), nothing_in_clear),
    SubPoint("national", Text("国密算法", "national algorithms"), _TLS, national, decisive=False),
)
_METRICS = SubPoint("metrics", Text("运行指标", "metrics"), ("metrics",), metrics_in_clear, decisive=False)
_APPS = (ObjectKind.CORE, ObjectKind.GATEWAY)

RULES = (
    *(ItemRule("8.1.2.2.a", kind, _METHOD, _INTEGRITY) for kind in _APPS),
    *(ItemRule("8.1.2.2.b", kind, _METHOD, _CONFIDENTIALITY) for kind in _APPS),
    *(ItemRule("8.1.4.7.a", kind, _METHOD, _INTEGRITY) for kind in (ObjectKind.ETCD, *_APPS)),
    ItemRule("8.1.4.8.a", ObjectKind.ETCD, _METHOD, _CONFIDENTIALITY),
    *(ItemRule("8.1.4.8.a", kind, _METHOD, (*_CONFIDENTIALITY, _METRICS)) for kind in _APPS),
)
