"""The environment: one file that everything else is derived from.

`load` reads and checks it; the other modules derive: `etcd`, `inventory`, `certificates`, `services`, `witnesses`,
`logs`, `levels`, `lines`, `readiness`.
"""

from dingli.environment.access import Access, ExtraFlow, Protocol
from dingli.environment.classification import Hosting, Readiness
from dingli.environment.industry import SiteCloud
from dingli.environment.loading import load
from dingli.environment.machines import Architecture
from dingli.environment.model import (
    Archive,
    Cell,
    Core,
    CoreKind,
    Environment,
    EnvironmentKind,
    Host,
    Line,
    Monitoring,
    Site,
    SiteRole,
    Takeover,
)
from dingli.environment.places import environment_file, project_root, state_dir
from dingli.environment.problems import InvalidEnvironment, Problem

__all__ = [
    "Access",
    "Architecture",
    "Archive",
    "Cell",
    "Core",
    "CoreKind",
    "Environment",
    "EnvironmentKind",
    "ExtraFlow",
    "Host",
    "Hosting",
    "InvalidEnvironment",
    "Line",
    "Monitoring",
    "Problem",
    "Protocol",
    "Readiness",
    "Site",
    "SiteCloud",
    "SiteRole",
    "Takeover",
    "environment_file",
    "load",
    "project_root",
    "state_dir",
]
