"""8.1.4.3 a to d on hosts: what is logged, what a record says, how long it is kept, who may stop it."""

from __future__ import annotations

import re

from audit.exceptions import EvidenceError
from audit.judgement import documents, readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed
from audit.objects import ObjectKind
from audit.records import ObjectEvidence, Record

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z) \S+ \S+: ")
_OWN_LOGIN = re.compile(r"sshd(-session)?\[\d+\]: Accepted publickey for (\S+) from ([0-9A-Fa-f.:]+) port")
_OWN_FAILURE = re.compile(r" su(\[\d+\])?: .*(FAILED SU|authentication failure)")
_NO_PROGRAM = 127
_SERVICES = ("rsyslog.service", "systemd-journald.service")


def kernel_audit(evidence: ObjectEvidence, policy: Policy) -> Finding:
    status = _may_be_off(evidence, "audit-status")
    if (enabled := _audit_enabled(status)) is None or enabled == 0:
        said = (status.stdout.strip() or status.stderr.strip()).splitlines()[:1]
        return finding(
            [Text(f"内核审计未启用：{listed(said)}", f"kernel auditing is off: {listed(said)}")], Text("", "")
        )
    rules = _may_be_off(evidence, "audit-rules").stdout
    missing = [what for what, words in policy.audit_rule_keys.items() if not any(word in rules for word in words)]
    problems = [Text(f"审计规则未覆盖：{listed(missing)}", f"no audit rules for {listed(missing)}")] if missing else []
    return finding(problems, Text("内核审计已启用，规则覆盖重要事件", "kernel auditing is on and watches what matters"))


def _audit_enabled(status: Record) -> int | None:
    found = re.search(r"^enabled (\d)", status.stdout, re.MULTILINE)
    return int(found[1]) if found and status.exit_status == 0 else None


def _may_be_off(evidence: ObjectEvidence, name: str) -> Record:
    """auditctl that fails says so; one that was not run at all is no answer."""
    record = evidence.record(name)
    said = record.stderr.strip() or record.stdout.strip()
    if record.exit_status != 0 and (not said or record.exit_status == _NO_PROGRAM):
        raise EvidenceError(f"{evidence.name}: {name}: ended with {record.exit_status}: {said}", "a reason")
    return record


def every_login(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """The audit itself has just logged in and failed to: both have to be there."""
    lines = evidence.output("auth-log").splitlines()
    logins = [line for line in lines if _OWN_LOGIN.search(line)]
    failures = [line for line in lines if _OWN_FAILURE.search(line)]
    problems = []
    if not any(policy.administrators.audit in line for line in logins):
        problems.append(Text("本次审计的登录未被记录", "the audit's own log-in is not recorded"))
    if not failures:
        problems.append(Text("本次审计的失败登录未被记录", "the audit's own failed log-ins are not recorded"))
    return finding(
        problems,
        Text(
            f"本次审计的登录和失败登录均有记录（{len(logins)} / {len(failures)} 条）",
            f"the audit's own log-ins and failures are recorded ({len(logins)} / {len(failures)} lines)",
        ),
    )


def log_services(evidence: ObjectEvidence, policy: Policy) -> Finding:
    states = _services(evidence)
    problems = [
        Text(f"{name} 为 {states[name].get('ActiveState')}", f"{name} is {states[name].get('ActiveState')}")
        for name in _SERVICES
        if states[name].get("ActiveState") != "active"
    ]
    return finding(problems, Text("日志服务均在运行", "the log services run"))


def _services(evidence: ObjectEvidence) -> dict[str, dict[str, str]]:
    found = {}
    for block in evidence.output("log-services").split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        found[values.get("Id", "")] = values
    if missing := [name for name in _SERVICES if name not in found]:
        raise EvidenceError(f"{evidence.name}: log-services: nothing about {', '.join(missing)}", "both services")
    return found


def content(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Date and time with the zone, host, program; of log-ins the user, where from and the result."""
    lines = evidence.output("auth-log").splitlines()
    bare = [line for line in lines if not _STAMP.match(line)]
    problems = []
    if bare:
        problems.append(
            Text(
                f"{len(bare)} 条记录缺少日期时间（含时区）、主机或程序：{bare[0][:80]}",
                f"{len(bare)} records lack date and time with the zone, host or program: {bare[0][:80]}",
            )
        )
    if not any(_OWN_LOGIN.search(line) for line in lines):
        problems.append(Text("登录记录缺少用户、来源或结果", "records of log-ins lack user, source or result"))
    return finding(
        problems,
        Text(
            f"抽查 {len(lines)} 条：均含日期时间（含时区）、主机、程序，登录记录含用户、来源和结果",
            f"{len(lines)} records: all have time and zone, host and program; log-ins have user, source and result",
        ),
    )


def clock(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = _may_be_off(evidence, "clock")
    if record.exit_status != 0:
        said = (record.stderr.strip() or record.stdout.strip()).splitlines()[:1]
        return finding(
            [Text(f"时间同步未运行：{listed(said)}", f"time is not kept in step: {listed(said)}")], Text("", "")
        )
    offset = re.search(r"^System time\s*: ([\d.]+) seconds", record.stdout, re.MULTILINE)
    leap = re.search(r"^Leap status\s*: (.+)$", record.stdout, re.MULTILINE)
    if offset is None or leap is None:
        raise EvidenceError(f"{evidence.name}: clock: {record.stdout[:80]!r}", "offset and leap status of chronyc")
    problems = []
    if leap[1].strip() == "Not synchronised":
        problems.append(Text("时钟未同步", "the clock is not synchronised"))
    if float(offset[1]) > policy.clock_offset_s:
        problems.append(Text(f"时钟偏差 {offset[1]} 秒", f"the clock is {offset[1]} s off"))
    return finding(problems, Text(f"时钟已同步，偏差 {offset[1]} 秒", f"the clock is in step, {offset[1]} s off"))


def kept_long_enough(evidence: ObjectEvidence, policy: Policy) -> Finding:
    days = policy.guide.log_retention_months * 30
    journal = readings.setting(evidence.output("journald-conf"), "MaxRetentionSec")
    storage = readings.setting(evidence.output("journald-conf"), "Storage")
    problems = []
    if storage != "persistent" or (kept := _days(journal)) is None or 0 < kept < days:
        shown = f"Storage={storage} MaxRetentionSec={journal}"
        problems.append(
            Text(f"journald：{shown}，应持久保存 {days} 天", f"journald: {shown}, expected {days} days on disk")
        )
    rotation = evidence.output("logrotate-conf")
    count = readings.setting(rotation, "rotate")
    age = readings.setting(rotation, "maxage")
    period = next(
        (
            n
            for word, n in (("daily", 1), ("weekly", 7), ("monthly", 30))
            if re.search(rf"^\s*{word}\b", rotation, re.M)
        ),
        0,
    )
    if int(count or 0) * period < days or (age is not None and int(age) < days):
        shown = f"rotate={count} × {period}d, maxage={age}"
        problems.append(Text(f"logrotate：{shown}，应不少于 {days} 天", f"logrotate: {shown}, expected {days} days"))
    return finding(
        problems, Text(f"journald 和日志文件均保留 {days} 天以上", f"journald and files keep {days} days and more")
    )


def _days(text: str | None) -> int | None:
    """systemd's time span in days, as far as roles write it. 0 means no limit by age."""
    found = re.fullmatch(r"(\d+) ?(d|day|days|month|months|w|week|weeks|year|years|s|sec)?", text or "")
    if found is None:
        return None
    per_day = {
        "d": 1,
        "day": 1,
        "days": 1,
        "month": 30,
        "months": 30,
        "w": 7,
        "week": 7,
        "weeks": 7,
        "year": 365,
        "years": 365,
    }
    return int(found[1]) * per_day[found[2]] if found[2] in per_day else int(found[1]) // 86400


def protected(evidence: ObjectEvidence, policy: Policy) -> Finding:
    entries = documents.entries(evidence, "log-files")
    loose = listed([f"{e.path} {e.mode:o}" for e in entries if e.kind in "fd" and e.mode & 0o002])
    readable = listed(
        [f"{e.path} {e.mode:o}" for e in entries if re.search(r"/(auth\.log|syslog)[^/]*$", e.path) and e.mode & 0o007]
    )
    problems = [Text(f"任何人可写：{loose}", f"anybody may write {loose}")] if loose else []
    if readable:
        problems.append(Text(f"任何人可读：{readable}", f"anybody may read {readable}"))
    return finding(
        problems,
        Text(f"{len(entries)} 个日志文件和目录均受保护", f"{len(entries)} log files and folders are protected"),
    )


def central(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """Seen at work: a connection to the port of the central logs stands. On the operations site something takes in."""
    listeners = readings.listeners(evidence)
    units = documents.names(evidence, "units-running")
    record = evidence.record("connections")
    if record.exit_status != 0:
        raise EvidenceError(f"{evidence.name}: connections: {record.stderr.strip()}", "the output of ss")
    rules = evidence.record("shipping-rules").stdout.lower()
    if documents.declared(evidence)["site_role"] == "ops":
        open_ones = [x for x in listeners if x.port == policy.log_port and x.protocol == "tcp" and not x.local]
        return _taken_in(evidence, policy, bool(open_ones))
    peers = [line.split()[3] for line in record.stdout.splitlines() if len(line.split()) > 3]
    sent = [peer for peer in peers if peer.endswith(f":{policy.log_port}")]
    problems = []
    if not sent:
        problems.append(Text("日志未实时送出本机：无到集中日志的连接", "logs stay here: no connection to central logs"))
    elif "streamdriver" not in rules and policy.log_shipper not in units:
        problems.append(Text("日志以明文送出", "logs are sent in clear"))
    return finding(
        problems, Text(f"日志经 TLS 实时送往 {listed(sent)}", f"logs go to {listed(sent)} over TLS as they are written")
    )


def _taken_in(evidence: ObjectEvidence, policy: Policy, listens: bool) -> Finding:
    problems = [] if listens else [Text("运维节点未接收集中日志", "the operations host takes in no logs")]
    heard = "?"
    if "log-status" in evidence.records:
        status = documents.mapping(evidence, "log-status")
        hosts, days = status["hosts"], policy.guide.log_retention_months * 30
        heard = listed(sorted(hosts))
        late = [name for name, one in hosts.items() if status["at"] - (one["last_arrival"] or 0) > policy.log_silence_s]
        if late:
            problems.append(Text(f"久未收到日志：{listed(late)}", f"nothing was heard for long from {listed(late)}"))
        if status["keep_days"] < days:
            kept = status["keep_days"]
            problems.append(Text(f"集中日志仅保留 {kept} 天", f"central logs are kept for {kept} days, not {days}"))
    port = policy.log_port
    return finding(problems, Text(f"在端口 {port} 接收日志：{heard}", f"takes in logs at port {port}: {heard}"))


def cannot_be_stopped(evidence: ObjectEvidence, policy: Policy) -> Finding:
    """An ordinary account asks, with signal 0, whether it might end the programs that write the log."""
    problems = []
    for name in ("stop-rsyslogd", "stop-systemd-journald"):
        record = evidence.record(name)
        program = name.removeprefix("stop-")
        if record.exit_status == 0:
            problems.append(Text(f"普通账户可终止 {program}", f"an ordinary account may end {program}"))
        elif "not permitted" not in record.stderr:
            raise EvidenceError(f"{evidence.name}: {name}: {record.stderr.strip()}", "Operation not permitted")
    return finding(
        problems, Text("实测：普通账户不能终止日志进程", "tried: an ordinary account cannot end the log's programs")
    )


def comes_back(evidence: ObjectEvidence, policy: Policy) -> Finding:
    problems = [
        Text(f"{name} 异常退出后不自动恢复", f"{name} does not come back by itself")
        for name in _SERVICES
        if _services(evidence)[name].get("Restart") not in ("always", "on-failure", "on-abnormal")
    ]
    return finding(problems, Text("日志进程退出后自动恢复", "the log's programs come back by themselves"))


def immutable(evidence: ObjectEvidence, policy: Policy) -> Finding:
    status = _may_be_off(evidence, "audit-status")
    lacks = Text("内核审计未锁定（enabled 应为 2）", "kernel auditing is not locked (enabled should be 2)")
    return finding([] if _audit_enabled(status) == 2 else [lacks], Text("内核审计已锁定至重启", "locked until reboot"))


ENABLED = ItemRule(
    "8.1.4.3.a",
    ObjectKind.HOST,
    Text(
        "读取内核审计状态和规则；在日志中查找本次审计自身的登录",
        "reads kernel auditing; looks for the audit's own log-ins",
    ),
    (
        SubPoint(
            "kernel", Text("内核审计", "kernel auditing"), ("audit-status", "audit-rules"), kernel_audit, decisive=False
        ),
        SubPoint(
            "logins", Text("每次登录均有记录（实测）", "every log-in is recorded (tried)"), ("auth-log",), every_login
        ),
        SubPoint("services", Text("日志服务运行", "log services run"), ("log-services",), log_services),
    ),
)
CONTENT = ItemRule(
    "8.1.4.3.b",
    ObjectKind.HOST,
    Text(
        "抽查最近 400 条登录日志；读取时间同步状态",
        "samples the last 400 records of log-ins; asks chrony about the time",
    ),
    (
        SubPoint("content", Text("记录要素", "what a record says"), ("auth-log",), content),
        SubPoint("clock", Text("时钟同步", "clock in step"), ("clock",), clock, decisive=False),
    ),
)
KEPT = ItemRule(
    "8.1.4.3.c",
    ObjectKind.HOST,
    Text(
        "读取保留策略、日志文件权限和日志外送连接",
        "reads retention, modes of log files, and the connection that ships logs",
    ),
    (
        SubPoint(
            "retention",
            Text("保留六个月", "kept for six months"),
            ("journald-conf", "logrotate-conf"),
            kept_long_enough,
        ),
        SubPoint("protected", Text("日志文件受保护", "log files protected"), ("log-files",), protected),
        SubPoint(
            "central",
            Text("实时集中备份", "shipped away at once"),
            ("connections", "shipping-rules", "listeners", "units-running", "log-status", "declared"),
            central,
            decisive=False,
        ),
    ),
)
UNSTOPPED = ItemRule(
    "8.1.4.3.d",
    ObjectKind.HOST,
    Text(
        "以普通账户试探终止日志进程（信号 0）；读取服务和内核审计状态",
        "asks as an ordinary account (signal 0); reads states",
    ),
    (
        SubPoint("stop", Text("普通账户不能中断（实测）", "cannot be stopped (tried)"), ("stop-*",), cannot_be_stopped),
        SubPoint("restart", Text("自动恢复", "comes back"), ("log-services",), comes_back, decisive=False),
        SubPoint(
            "immutable", Text("内核审计锁定", "kernel auditing locked"), ("audit-status",), immutable, decisive=False
        ),
    ),
)
