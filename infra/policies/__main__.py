"""The policy pack's process: every rule as a mandatory policy of Pulumi's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the clone, of which this folder is a package

from pulumi_policy import PolicyPack

from infra.policies.adapter import mandatory
from infra.policies.rules import RULES

PolicyPack("dingli", [mandatory(rule) for rule in RULES])  # serves until the engine ends it
