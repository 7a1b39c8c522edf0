"""A site: its machines, and what runs on them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from dingli.environment import Environment
from dingli.exceptions import InputError
from infra.components.cell import Cell, CellArgs
from infra.components.cloud_machines import CloudMachines, CloudMachinesArgs
from infra.providers.deployment.declared import DeploymentScope, deployment_inputs, resource_id_of, scopes
from infra.providers.deployment.resource import Deployment
from infra.providers.rack.declared import host_id, host_inputs
from infra.providers.rack.resource import Host

__all__ = ["Site", "SiteArgs"]


@dataclass(frozen=True)
class SiteArgs:
    """Which site of which environment. `imports`: adopt what is there as it is, instead of creating it."""

    environment: Environment
    site: str
    imports: bool = False


class Site(pulumi.ComponentResource):
    """Adopts the site's hosts (instances are made first), applies the groups' roles; each cell has its own share."""

    def __init__(self, name: str, args: SiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dingli:index:Site", name, None, opts)
        environment = args.environment
        machines = self._machines(args)
        self.hosts = {
            host.name: Host(
                host.name,
                {**host_inputs(environment, host.name), **(machines.host_inputs(host.name) if machines else {})},
                self._options(host_id(environment.name, host.name) if args.imports else None),
            )
            for host in environment.hosts_at(args.site)
        }
        machine_ids = {host: resource.machine_id for host, resource in self.hosts.items()}
        self.deployments: dict[str, Deployment] = {}
        found = scopes(environment, args.site)
        for scope in (one for one in found if one.cell is None):
            inputs = deployment_inputs(scope, machine_ids)
            imported = resource_id_of(inputs) if args.imports else None
            self.deployments[scope.name] = Deployment(scope.name, inputs, self._options(imported, self._before(scope)))
        self.cells = [
            Cell(
                cell,
                CellArgs(environment, args.site, cell, machine_ids, tuple(self.deployments.values()), args.imports),
                pulumi.ResourceOptions(parent=self),
            )
            for cell in dict.fromkeys(scope.cell for scope in found if scope.cell is not None)
        ]
        self.register_outputs({})

    def _machines(self, args: SiteArgs) -> CloudMachines | None:
        if not args.environment.sites[args.site].made:
            return None
        if args.imports:
            raise InputError(
                f"an import of {args.site}, whose machines are instances of a cloud",
                "a site of racks: what was made here is in its stack's state already",
                f"`pulumi config rm dingli:import -s {args.environment.name}-{args.site}`",
            )
        arguments = CloudMachinesArgs(args.environment, args.site)
        return CloudMachines(f"{args.site}-machines", arguments, pulumi.ResourceOptions(parent=self))

    def _options(
        self, imported: str | None = None, after: list[pulumi.Resource] | None = None
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, import_=imported, depends_on=after)

    def _before(self, scope: DeploymentScope) -> list[pulumi.Resource]:
        """Everything builds on `base`; `base` on the hosts alone."""
        return [self.deployments["base"]] if scope.group != "base" and "base" in self.deployments else []
