"""8.1.4.5, 8.1.4.6, 8.1.4.7 b, 8.1.4.8 b, 8.1.4.10 a on hosts: malware, trusted start, data at rest, what is left."""

from __future__ import annotations

import re
from datetime import timedelta

from audit.exceptions import EvidenceError
from audit.judgement import documents, readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_DISK_CRYPT = "crypt"


def against_malware(evidence: ObjectEvidence, policy: Policy) -> Finding:
    units = documents.names(evidence, "units-running")
    if not units:
        raise EvidenceError(f"{evidence.name}: units-running: no unit at all", "a list of units")
    agents = [unit for unit in units if unit in policy.malware_units]
    if not agents:
        return finding([Text("未运行恶意代码防范软件", "no anti-malware agent runs")], Text("", ""))
    return person(
        f"{listed(agents)} 正在运行；特征库日期和处置策略需人工核实",
        f"{listed(agents)} runs; how old its signatures are, and what it does, a person has to find out",
    )


def root_of_trust(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = evidence.record("trusted-boot")
    text = record.stdout + record.stderr
    if "/sys/class/tpm" not in text:
        raise EvidenceError(f"{evidence.name}: trusted-boot: {text[:80]!r}", "the listing of /sys/class/tpm")
    chips = re.findall(r"^tpm\d+$", record.stdout, re.MULTILINE)
    measures = "ascii_runtime_measurements" in record.stdout
    problems = [] if chips else [Text("无可信根（TPM/TCM）", "no root of trust (TPM or TCM)")]
    if not measures:
        problems.append(Text("内核未度量程序（IMA）", "the kernel measures no programs (IMA)"))
    if problems:
        return finding(problems, Text("", ""))
    return person(
        f"存在 {listed(chips)} 和 IMA 度量；基准比对和报警需人工核实",
        f"{listed(chips)} and IMA are there; whether measurements are compared and alarmed a person has to judge",
    )


def baseline_of_files(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = evidence.record("integrity-database")
    if record.exit_status != 0:
        if "No such file" not in record.stderr:
            raise EvidenceError(
                f"{evidence.name}: integrity-database: {record.stderr.strip()}", "the file, or that there is none"
            )
        return finding([Text("无文件完整性基线（AIDE）", "no baseline of files (AIDE)")], Text("", ""))
    timers = [u for u in documents.names(evidence, "units-enabled") if re.fullmatch(r"(daily)?aide\w*\.timer", u)]
    made, now = int(record.stdout.split()[0]), documents.when(evidence, "integrity-database").timestamp()
    age = timedelta(seconds=now - made).days
    problems = [] if timers else [Text("未定期比对", "no timer compares it")]
    if age > policy.integrity_scan_days:
        problems.append(Text(f"基线已 {age} 天未更新", f"the baseline is {age} days old"))
    return finding(
        problems,
        Text(f"AIDE 基线 {age} 天前更新，由 {listed(timers)} 比对", f"AIDE baseline, {age} days old, compared"),
    )


def passwords_are_hashed(evidence: ObjectEvidence, policy: Policy) -> Finding:
    method = readings.setting(evidence.output("login-defs"), "ENCRYPT_METHOD") or "DES"
    problems = (
        [] if method in policy.password_hashes else [Text(f"口令散列算法 {method}", f"passwords are kept as {method}")]
    )
    return finding(problems, Text(f"口令以 {method} 散列保存", f"passwords are kept as {method} hashes"))


def disk_is_encrypted(evidence: ObjectEvidence, policy: Policy) -> Finding:
    fields = evidence.output("storage").split()
    volumes = evidence.record("crypt-volumes").stdout
    encrypted = [line.split()[0] for line in volumes.splitlines() if line.split()[-1:] == [_DISK_CRYPT]]
    source = fields[0].rpartition("/")[2]
    inside = source in encrypted
    return finding(
        []
        if inside
        else [
            Text(f"业务数据所在存储 {fields[0]}（{fields[-1]}）未加密", f"{fields[0]} ({fields[-1]}) is not encrypted")
        ],
        Text(f"业务数据位于加密卷 {source}", f"data lies on the encrypted volume {source}"),
    )


def no_core_dumps(evidence: ObjectEvidence, policy: Policy) -> Finding:
    values = dict(line.split(" = ", 1) for line in evidence.output("kernel-settings").splitlines() if " = " in line)
    dumpable = documents.answered(values, "fs.suid_dumpable", f"{evidence.name}: kernel-settings").strip()
    problems = (
        []
        if dumpable == "0"
        else [Text(f"fs.suid_dumpable={dumpable}，应为 0", f"fs.suid_dumpable {dumpable}, expected 0")]
    )
    return finding(problems, Text("特权程序不产生内存转储", "programs with rights leave no memory dumps"))


def no_open_swap(evidence: ObjectEvidence, policy: Policy) -> Finding:
    lines = evidence.output("swaps").splitlines()
    if not lines[0].startswith("Filename"):
        raise EvidenceError(f"{evidence.name}: swaps: {lines[0]!r}", "the heading of /proc/swaps")
    devices = [line.split()[0] for line in lines[1:] if line.split()]
    bare = listed([d for d in devices if "zram" not in d and "/dev/mapper" not in d and "/dev/dm-" not in d])
    return finding(
        [Text(f"未加密的交换区：{bare}", f"swap in clear: {bare}")] if bare else [],
        Text("无明文交换区", "no swap in clear"),
    )


def reuse(evidence: ObjectEvidence, policy: Policy) -> Finding:
    return person(
        "存储介质释放或再分配前的清除，需核对介质处置记录",
        "whether media are erased before they are given away: see the records of disposal",
    )


MALWARE = ItemRule(
    "8.1.4.5.a",
    ObjectKind.HOST,
    Text("在运行的服务中查找恶意代码防范软件", "looks for an anti-malware agent among the running services"),
    (SubPoint("agent", Text("恶意代码防范", "anti-malware"), ("units-running",), against_malware),),
)
TRUSTED = ItemRule(
    "8.1.4.6.a",
    ObjectKind.HOST,
    Text("读取可信根和度量状态（条款为“可”）", "reads root of trust and measurements (the clause says may)"),
    (SubPoint("root", Text("可信根和度量", "root of trust, measurements"), ("trusted-boot",), root_of_trust),),
)
STORED_WHOLE = ItemRule(
    "8.1.4.7.b",
    ObjectKind.HOST,
    Text("读取文件完整性基线及其比对任务", "reads the baseline of files and what compares it"),
    (
        SubPoint(
            "baseline",
            Text("文件完整性", "integrity of files"),
            ("integrity-database", "units-enabled"),
            baseline_of_files,
        ),
    ),
)
STORED_SECRET = ItemRule(
    "8.1.4.8.b",
    ObjectKind.HOST,
    Text(
        "读取口令散列算法；核查业务数据所在存储是否加密",
        "reads how passwords are hashed and whether the data's disk is encrypted",
    ),
    (
        SubPoint("hash", Text("鉴别数据", "credentials"), ("login-defs",), passwords_are_hashed, decisive=False),
        SubPoint(
            "disk", Text("业务数据", "business data"), ("storage", "crypt-volumes"), disk_is_encrypted, decisive=False
        ),
    ),
)
LEFT_BEHIND = ItemRule(
    "8.1.4.10.a",
    ObjectKind.HOST,
    Text(
        "读取内存转储和交换区设置；其余核对介质处置记录",
        "reads settings of dumps and swap; the rest is in the records of disposal",
    ),
    (
        SubPoint("dumps", Text("内存转储", "memory dumps"), ("kernel-settings",), no_core_dumps, decisive=False),
        SubPoint("swap", Text("交换区", "swap"), ("swaps",), no_open_swap, decisive=False),
        SubPoint("reuse", Text("介质释放前清除", "media erased"), (), reuse),
    ),
)
