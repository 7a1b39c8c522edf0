"""The network as it is declared: flows, derived from the environment, and what is made of them.

`flows` derives; `host_rules` is a host's share, of which its packet filter is rendered; `security_group_rules` the same
for a cloud; `scan` tries on the wire what is declared.
"""

from dingli.network.derivation import controllers, flows
from dingli.network.flow import Flow, Party
from dingli.network.host_rules import HostRules, Rule, firewall_variables, host_rules
from dingli.network.security_groups import security_group_inputs, security_group_rules

__all__ = [
    "Flow",
    "HostRules",
    "Party",
    "Rule",
    "controllers",
    "firewall_variables",
    "flows",
    "host_rules",
    "security_group_inputs",
    "security_group_rules",
]
