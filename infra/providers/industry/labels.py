"""The tags that programs declare, and the types that take them: what infra/policies judges."""

from __future__ import annotations

__all__ = ["BUCKET", "DATA_LEVEL", "HOLDS", "INSTANCE", "OWNER", "SECURITY_GROUP", "TAGGED", "VOLUME"]

DATA_LEVEL, OWNER, HOLDS = "data-level", "owner", "holds"

SECURITY_GROUP = "industry:index:SecurityGroup"
INSTANCE = "industry:index:Instance"
VOLUME = "industry:index:Volume"
BUCKET = "industry:index:Bucket"
TAGGED = frozenset(
    {SECURITY_GROUP, INSTANCE, VOLUME, BUCKET, *(f"industry:index:{name}" for name in ("Network", "Subnet", "KeyPair"))}
)
"""Every type that takes tags."""
