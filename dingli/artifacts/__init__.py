"""The programs that run on hosts, built into archives that are equal byte by byte when their inputs are equal.

`build_all(state_dir)` gives the path and SHA-256 of each. Equal archives matter: their sum names the release on a host,
and another sum restarts what runs there.
"""

from dingli.artifacts.build import Artifact, build, build_all
from dingli.artifacts.exceptions import ArtifactError
from dingli.artifacts.programs import Program

__all__ = ["Artifact", "ArtifactError", "Program", "build", "build_all"]
