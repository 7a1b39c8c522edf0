"""The environment: one file that everything else is derived from.

`load` reads and checks it; the other modules derive: `etcd`, `inventory`, `certificates`, `services`, `witnesses`,
`logs`, `levels`, `lines`, `readiness`.
"""

from dingli.environment.access import Access, ExtraFlow, Protocol
from dingli.environment.classification import Bucket, DataLevels, Holding, Hosting, Readiness
from dingli.environment.loading import load
from dingli.environment.model import (
    Architecture,
    Archive,
    Bastion,
    Cell,
    Core,
    CoreKind,
    Environment,
    EnvironmentKind,
    Host,
    Instrument,
    Journal,
    Line,
    Logs,
    Monitoring,
    OperatingSystem,
    Site,
    SiteCloud,
    SiteRole,
    Takeover,
    Targets,
)
from dingli.environment.places import environment_file, project_root, state_dir
from dingli.environment.problems import InvalidEnvironment, Problem

__all__ = [
    "Access",
    "Architecture",
    "Archive",
    "Bastion",
    "Bucket",
    "Cell",
    "Core",
    "CoreKind",
    "DataLevels",
    "Environment",
    "EnvironmentKind",
    "ExtraFlow",
    "Holding",
    "Host",
    "Hosting",
    "Instrument",
    "InvalidEnvironment",
    "Journal",
    "Line",
    "Logs",
    "Monitoring",
    "OperatingSystem",
    "Problem",
    "Protocol",
    "Readiness",
    "Site",
    "SiteCloud",
    "SiteRole",
    "Takeover",
    "Targets",
    "environment_file",
    "load",
    "project_root",
    "state_dir",
]
