"""8.1.4.2 f and g on hosts, f on etcd: who may touch which file or key; labels."""

from __future__ import annotations

from audit.judgement import documents, readings
from audit.judgement.policy import Policy
from audit.judgement.rules import Finding, ItemRule, SubPoint, Text, finding, listed, person
from audit.objects import ObjectKind
from audit.records import ObjectEvidence

_SET_ID, _OTHERS_WRITE = 0o6000, 0o002
_LABELLING = ("selinux", "smack", "apparmor")


def important_files(evidence: ObjectEvidence, policy: Policy) -> Finding:
    found = {entry.path: entry for entry in documents.entries(evidence, "modes", partial=True)}
    problems = [
        Text(f"未取得 {path}", f"nothing about {path}") for path in ("/etc/passwd", "/etc/shadow") if path not in found
    ]
    for path, rule in policy.files.items():
        entry = found.get(path)
        if entry and (entry.mode & ~int(rule.mode, 8) or entry.owners not in rule.owners):
            problems.append(
                Text(
                    f"{path} 为 {entry.mode:o} {entry.owners}，应不超过 {rule.mode} {'/'.join(sorted(rule.owners))}",
                    f"{path} is {entry.mode:o} {entry.owners}, expected at most {rule.mode}",
                )
            )
    return finding(
        problems, Text(f"{len(found)} 个重要文件的权限均符合", f"{len(found)} important files as they should be")
    )


def keys_are_private(evidence: ObjectEvidence, policy: Policy) -> Finding:
    entries = documents.entries(evidence, "key-files", partial=True)
    open_ones = listed([f"{entry.path} {entry.mode:o}" for entry in entries if entry.mode & 0o037])
    problems = [Text(f"密钥或口令文件权限过宽：{open_ones}", f"keys or passwords others can read: {open_ones}")]
    return finding(
        problems if open_ones else [],
        Text(
            f"{len(entries)} 个密钥和口令文件仅属主（组）可读",
            f"{len(entries)} keys and passwords, none open to others",
        ),
    )


def no_open_files(evidence: ObjectEvidence, policy: Policy) -> Finding:
    entries = documents.entries(evidence, "file-scan", partial=True)
    extra = listed([e.path for e in entries if e.mode & _SET_ID and e.kind == "f" and e.path not in policy.set_user_id])
    loose = listed([e.path for e in entries if e.mode & _OTHERS_WRITE])
    problems = (
        [Text(f"未列明的 setuid/setgid 程序：{extra}", f"set-user-id programs not on the list: {extra}")]
        if extra
        else []
    )
    if loose:
        problems.append(Text(f"任何人可写：{loose}", f"anybody may write: {loose}"))
    return finding(
        problems,
        Text(
            f"全盘扫描：{len(entries)} 个特殊权限文件均在清单内，无任何人可写的文件",
            f"whole disk: {len(entries)} special files, all on the list; nothing that anybody may write",
        ),
    )


def nobodys_files(evidence: ObjectEvidence, policy: Policy) -> Finding:
    uids = {account.uid for account in readings.accounts(evidence)}
    entries = documents.entries(evidence, "file-scan", partial=True)
    orphans = listed([e.path for e in entries if int(e.owners.split(":")[0]) not in uids])
    problems = [Text(f"无属主文件：{orphans}", f"files that belong to nobody: {orphans}")] if orphans else []
    return finding(problems, Text("无属主不明的文件", "every file belongs to an account"))


def new_files_are_closed(evidence: ObjectEvidence, policy: Policy) -> Finding:
    value = readings.setting(evidence.output("login-defs"), "UMASK") or "022"  # login.defs(5): the default
    if not all(digit in "01234567" for digit in value):
        value = "000"
    problems = (
        [] if int(value, 8) & 0o027 == 0o027 else [Text(f"UMASK {value}，应为 027", f"UMASK {value}, expected 027")]
    )
    return finding(problems, Text(f"UMASK {value}", f"UMASK {value}"))


def labels(evidence: ObjectEvidence, policy: Policy) -> Finding:
    record = evidence.record("labels")
    found = [name for name in record.stdout.strip().split(",") if name in _LABELLING] if record.exit_status == 0 else []
    if not found:
        said = record.stdout.strip() or record.stderr.strip()
        return finding(
            [Text(f"内核未启用安全标记：{said}", f"the kernel has no labelling module on: {said}")], Text("", "")
        )
    return person(
        f"内核已启用 {listed(found)}；标记是否覆盖交易目录和进程，需人工核实",
        f"{listed(found)} is on; whether labels cover the trading programs a person has to judge",
    )


def data_folder(evidence: ObjectEvidence, policy: Policy) -> Finding:
    (entry,) = documents.entries(evidence, "data")
    wrong = entry.mode & 0o077 or entry.owners != "etcd:etcd"
    shown = f"{entry.path} {entry.mode:o} {entry.owners}"
    return finding(
        [Text(f"{shown}，应为 700 etcd:etcd", f"{shown}, expected 700 etcd:etcd")] if wrong else [], Text(shown, shown)
    )


HOST = ItemRule(
    "8.1.4.2.f",
    ObjectKind.HOST,
    Text("读取重要文件、密钥文件的属主和权限；扫描全盘特殊权限文件", "reads owners and modes; scans the whole disk"),
    (
        SubPoint("files", Text("重要文件权限", "important files"), ("modes",), important_files),
        SubPoint("keys", Text("密钥文件权限", "key files"), ("key-files",), keys_are_private),
        SubPoint(
            "scan",
            Text("特殊权限和任意可写文件", "set-user-id and open files"),
            ("file-scan",),
            no_open_files,
            decisive=False,
        ),
        SubPoint(
            "orphans", Text("无主文件", "files of nobody"), ("file-scan", "accounts"), nobodys_files, decisive=False
        ),
        SubPoint("umask", Text("默认权限", "mode of new files"), ("login-defs",), new_files_are_closed, decisive=False),
    ),
)
LABELS = ItemRule(
    "8.1.4.2.g",
    ObjectKind.HOST,
    Text("读取内核启用的安全模块", "reads which security modules the kernel has on"),
    (SubPoint("labels", Text("安全标记", "labels"), ("labels",), labels),),
)
ETCD = ItemRule(
    "8.1.4.2.f",
    ObjectKind.ETCD,
    Text("读取数据目录的属主和权限", "reads owner and mode of the data folder"),
    (SubPoint("data", Text("数据目录权限", "data folder"), ("data",), data_folder),),
)
