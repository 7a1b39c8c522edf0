"""What must be true between the values of an environment. Each rule yields every breach that it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dingli.environment.problems import Problem
from dingli.environment.rules import (
    cells,
    cloud,
    hosts,
    industry,
    journal,
    lines,
    logs,
    names,
    network,
    ports,
    readiness,
    sites,
)
from dingli.environment.shape import Draft

__all__ = ["RULES"]

RULES: tuple[Callable[[Draft], Iterable[Problem]], ...] = (
    names.name_no_folder_of_the_clone,
    names.stacks_are_told_apart,
    sites.roles_are_told_apart,
    sites.networks_are_apart,
    hosts.stand_on_declared_sites,
    hosts.addresses_belong,
    hosts.have_declared_power,
    hosts.are_where_their_power_is,
    hosts.accept_what_is_there,
    hosts.witnesses_stand_apart,
    journal.members_are_hosts,
    journal.survives_any_site,
    cells.cores_are_placed,
    cells.cores_are_enough,
    cells.gateways_are_placed,
    cells.instruments_are_possible,
    cells.sessions_are_told_apart,
    logs.stand_apart,
    logs.are_kept_long_enough,
    cloud.is_the_labs,
    industry.sites_have_a_cloud,
    industry.networks_fit_a_cloud,
    industry.somebody_answers,
    industry.machines_are_not_known_before,
    readiness.sites_can_be_called,
    readiness.nothing_needed_is_left_out,
    ports.are_free,
    network.ends_exist,
    network.extra_flows_have_ports,
    lines.gateways_join_two_sites,
    lines.addresses_are_the_lines_own,
    lines.leave_dingli_its_way,
)
