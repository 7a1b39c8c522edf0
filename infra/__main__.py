"""`pulumi up` of one stack: the site of an environment that the stack's name says."""

import gc
import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the clone, of which this folder is a package

from dingli.exceptions import DingliError
from dingli.stacks.names import stack_and_environment
from infra.components.site import Site, SiteArgs


def main() -> None:
    """Declare the site."""
    if pulumi.runtime.is_dry_run():
        pulumi.log.info("declared changes only; with --refresh, also what was changed on hosts by hand")
    name, environment = stack_and_environment(pulumi.get_stack())
    imports = pulumi.Config().get_bool("import") or False
    site = Site(name.site, SiteArgs(environment, name.site, imports))
    pulumi.export("hosts", {host: resource.facts for host, resource in site.hosts.items()})
    pulumi.export("reachable", {host: resource.reachable for host, resource in site.hosts.items()})


gc.disable()  # with a thousand hosts it took a third of this short-lived process's time, for 5 MiB
try:
    main()
except DingliError as error:
    raise pulumi.RunError(str(error)) from None
