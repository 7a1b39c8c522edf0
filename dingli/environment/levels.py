"""The data level of everything that is declared, and what a bucket holds."""

from __future__ import annotations

from dingli.environment.classification import UNDECLARED, Bucket, Holding
from dingli.environment.model import Environment, SiteRole
from dingli.environment.s3_url import parse_s3_url

__all__ = ["bucket_of", "group_level", "host_level"]


def host_level(environment: Environment, host: str) -> int:
    """The highest of the services that a host runs; of a host without any, nobody knows what it keeps."""
    levels, cells = environment.data_levels, environment.cells.values()
    found = [levels.journal] if host in environment.journal.members else []
    found += [levels.core] if any(host == core.host for cell in cells for core in cell.cores) else []
    found += [levels.gateway] if any(host in cell.gateways for cell in cells) else []
    found += [levels.ops] if environment.site_of(host).role is SiteRole.OPS else []
    return max(found, default=UNDECLARED)


def group_level(environment: Environment, group: str, hosts: list[str]) -> int:
    """Of a role group on `hosts`: its service's, or for what all hosts have (`base`), that of the highest host."""
    declared: int | None = getattr(environment.data_levels, group, None)
    return declared if declared is not None else max(host_level(environment, host) for host in hosts)


def bucket_of(environment: Environment, name: str) -> Bucket:
    """As declared in `buckets`. That the archive and the state are in theirs is said elsewhere in the file."""
    declared = environment.buckets.get(name, Bucket(name=name))
    if environment.archive is not None and environment.archive.bucket == name:
        return declared.model_copy(update={"holds": Holding.ARCHIVE})
    if environment.state is not None and parse_s3_url(environment.state.backend).bucket == name:
        return declared.model_copy(update={"holds": Holding.STATE})
    return declared
