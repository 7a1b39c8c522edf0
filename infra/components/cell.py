"""A site's share of a cell: its cores and gateways here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from dingli.environment import Environment
from infra.providers.deployment.declared import deployment_inputs, resource_id_of, scopes
from infra.providers.deployment.resource import Deployment

__all__ = ["Cell", "CellArgs"]


@dataclass(frozen=True)
class CellArgs:
    """Which cell at which site; `after` is what has to be there first."""

    environment: Environment
    site: str
    cell: str
    machine_ids: Mapping[str, pulumi.Output[str]]
    after: tuple[pulumi.Resource, ...] = ()
    imports: bool = False


class Cell(pulumi.ComponentResource):
    """One Deployment for the cores, one for the gateways, as far as the site has any."""

    def __init__(self, name: str, args: CellArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dingli:index:Cell", name, None, opts)
        self.deployments: dict[str, Deployment] = {}
        for scope in scopes(args.environment, args.site):
            if scope.cell != args.cell:
                continue
            inputs = deployment_inputs(scope, args.machine_ids)
            options = pulumi.ResourceOptions(
                parent=self, depends_on=args.after, import_=resource_id_of(inputs) if args.imports else None
            )
            self.deployments[scope.group] = Deployment(scope.name, inputs, options)
        self.register_outputs({})
