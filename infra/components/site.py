"""A site: its machines, and what runs on them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from dingli.environment import Environment
from dingli.exceptions import InputError
from infra.components.cloud_machines import CloudMachines, CloudMachinesArgs
from infra.providers.deployment.declared import (
    SHARED_GROUPS,
    DeploymentScope,
    deployment_inputs,
    resource_id_of,
    scopes,
)
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
    """Adopts the site's hosts (instances are made first) and applies the groups' roles; a cell's are `core-CELL` and
    `gateway-CELL`."""

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
        for scope in scopes(environment, args.site):
            inputs = deployment_inputs(scope, machine_ids)
            imported = resource_id_of(inputs) if args.imports else None
            options = self._options(imported, self._before(scope), _earlier_names(scope))
            self.deployments[scope.name] = Deployment(scope.name, inputs, options)
        if machines is not None and "ipsec" in self.deployments:
            machines.lead_to_gateways([self.deployments["ipsec"]])
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
        self,
        imported: str | None = None,
        after: list[pulumi.Resource] | None = None,
        aliases: list[pulumi.Alias] | None = None,
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, import_=imported, depends_on=after, aliases=aliases)

    def _before(self, scope: DeploymentScope) -> list[pulumi.Resource]:
        """`base` builds on the hosts alone, what the site's cells share on `base`, the cells on all of that."""
        shared = SHARED_GROUPS if scope.cell is not None else () if scope.group == "base" else ("base",)
        return [self.deployments[group] for group in shared if group in self.deployments]


def _earlier_names(scope: DeploymentScope) -> list[pulumi.Alias]:
    """In states of before, each cell was a component of its own around its Deployments."""
    if scope.cell is None:
        return []
    stack, kind = f"{pulumi.get_stack()}::{pulumi.get_project()}", "dingli:index:Site$dingli:index:Cell"
    return [pulumi.Alias(parent=f"urn:pulumi:{stack}::{kind}::{scope.cell}")]
