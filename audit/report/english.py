"""Words of the standard's structure for the English half of the page."""

from __future__ import annotations

__all__ = ["CONTROL_POINTS", "OBJECT_CLASSES"]

CONTROL_POINTS = {
    "网络架构": "network architecture",
    "通信传输": "communication",
    "可信验证": "trusted verification",
    "边界防护": "boundary protection",
    "访问控制": "access control",
    "入侵防范": "intrusion prevention",
    "恶意代码和垃圾邮件防范": "malware and spam",
    "安全审计": "security audit",
    "身份鉴别": "identification",
    "恶意代码防范": "malware",
    "数据完整性": "data integrity",
    "数据保密性": "data confidentiality",
    "数据备份恢复": "backup and recovery",
    "剩余信息保护": "residual information",
    "个人信息保护": "personal information",
}
OBJECT_CLASSES = {
    "host": "hosts",
    "db": "databases",
    "network": "network devices",
    "cloud_api": "cloud platform",
    "app": "applications",
    "siem": "log platform",
    "backup": "backup system",
    "iac": "infrastructure code",
    "physical": "premises",
    "process": "management",
}
