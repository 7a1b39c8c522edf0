"""8.1.4.1 a and b on etcd, cores and gateways: strangers are refused, and guessing is slowed. Tried, every time."""

from __future__ import annotations

from typing import Any

from audit.exceptions import EvidenceError
from audit.judgement import documents
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_SLOWER_S = 1.0


def _let_in(evidence: ObjectEvidence, name: str) -> str:
    """What a client got that should have been refused; "" if it got nothing."""
    found = documents.mapping(evidence, name)
    if "refused" in found:
        return ""
    answer = str(documents.answered(found, "answer", f"{evidence.name}: {name}"))
    if answer == "(silent)":
        return "…"  # neither refused nor answered: the connection stands
    return answer


def anonymous(evidence: ObjectEvidence, policy: Policy) -> Finding:
    got = _let_in(evidence, "anonymous")
    return finding(
        [Text("无客户端证书即可连接", "a client without a certificate gets in")] if got else [],
        Text("实测：无客户端证书的连接被拒绝", "tried: a client without a certificate is refused"),
    )


def stranger(evidence: ObjectEvidence, policy: Policy) -> Finding:
    names = ("stranger", "peer-stranger") if evidence.kind is ObjectKind.ETCD else ("stranger",)
    problems = [
        Text(f"外来证书（CN=root）可连接（{name}）", f"a certificate of another authority gets in ({name})")
        for name in names
        if _let_in(evidence, name)
    ]
    return finding(
        problems,
        Text(
            "实测：其他 CA 签发的证书（CN=root）被拒绝",
            "tried: a certificate of another authority (CN=root) is refused",
        ),
    )


def _attempts(evidence: ObjectEvidence, policy: Policy) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = documents.answered(documents.mapping(evidence, "logon"), "attempts", "logon")
    if len(found) != policy.guide.lock_after_failures:
        raise EvidenceError(f"{evidence.name}: logon: {len(found)} attempts", str(policy.guide.lock_after_failures))
    return found


def wrong_logon(evidence: ObjectEvidence, policy: Policy) -> Finding:
    let_in = [one for one in _attempts(evidence, policy) if "|35=A|" in one["answer"]]
    return finding(
        [Text(f"错误口令登录成功 {len(let_in)} 次", f"a wrong password logged on {len(let_in)} times")]
        if let_in
        else [],
        Text("实测：未知会话和错误口令的登录均被拒绝", "tried: unknown sessions and wrong passwords are refused"),
    )


def ended(evidence: ObjectEvidence, policy: Policy) -> Finding:
    open_ones = [one for one in _attempts(evidence, policy) if not one["ended"]]
    return finding(
        [Text("登录失败后连接未断开", "the connection stays open after a failed logon")] if open_ones else [],
        Text("实测：每次失败后连接即断开", "tried: the connection ends after every failure"),
    )


def slowed(evidence: ObjectEvidence, policy: Policy) -> Finding:
    attempts = _attempts(evidence, policy)
    first, last = float(attempts[0]["seconds"]), float(attempts[-1]["seconds"])
    shown = " → ".join(f"{float(one['seconds']):.1f}" for one in attempts)
    return finding(
        []
        if last >= first + _SLOWER_S
        else [Text(f"连续失败不受限制（{shown} 秒）", f"guessing is not slowed ({shown} s)")],
        Text(f"实测：连续失败后应答逐次延迟（{shown} 秒）", f"tried: every further failure waits longer ({shown} s)"),
    )


def silence(evidence: ObjectEvidence, policy: Policy) -> Finding:
    found = documents.mapping(evidence, "silence")
    seconds = float(documents.answered(found, "seconds", f"{evidence.name}: silence"))
    fine = bool(found.get("ended")) and seconds <= policy.logon_silence_s
    return finding(
        [] if fine else [Text(f"{seconds:.0f} 秒未登录的连接未断开", f"connected for {seconds:.0f} s without a logon")],
        Text(
            f"实测：{seconds:.0f} 秒未登录即断开", f"tried: without a logon the connection ends after {seconds:.0f} s"
        ),
    )


_STRANGERS = (
    SubPoint("anonymous", Text("拒绝匿名访问（实测）", "nobody anonymous (tried)"), ("anonymous",), anonymous),
    SubPoint(
        "stranger",
        Text("拒绝外来证书（实测）", "no foreign certificates (tried)"),
        ("stranger", "peer-stranger"),
        stranger,
    ),
)
_METHOD = Text(
    "从控制端以无证书和外来证书实际连接", "connects without a certificate, and with one of another authority"
)
_LOGON = Text(
    "从控制端以未知会话和错误口令实际登录五次", "logs on five times with an unknown session and wrong passwords"
)
RULES = (
    ItemRule("8.1.4.1.a", ObjectKind.ETCD, _METHOD, _STRANGERS),
    ItemRule("8.1.4.1.a", ObjectKind.CORE, _METHOD, _STRANGERS),
    ItemRule(
        "8.1.4.1.a",
        ObjectKind.GATEWAY,
        _LOGON,
        (SubPoint("logon", Text("拒绝错误登录（实测）", "wrong logons refused (tried)"), ("logon",), wrong_logon),),
    ),
    ItemRule(
        "8.1.4.1.b",
        ObjectKind.GATEWAY,
        _LOGON,
        (
            SubPoint("ended", Text("失败即结束会话（实测）", "failure ends the session (tried)"), ("logon",), ended),
            SubPoint("slowed", Text("限制连续尝试（实测）", "guessing is slowed (tried)"), ("logon",), slowed),
            SubPoint(
                "silence", Text("超时断开（实测）", "silence ends (tried)"), ("silence",), silence, decisive=False
            ),
        ),
    ),
)
