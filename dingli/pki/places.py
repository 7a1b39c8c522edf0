"""Where the parts of an environment's certificate authority are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places"]


@dataclass(frozen=True)
class Places:
    """The files of one environment's authority.

    `state` is `.dingli/<environment>`. The root key lives outside it, and outside the repository: whoever copies the
    state (a backup, the export to another controller) does not get it.
    """

    environment: str
    state: Path
    root: Path

    @classmethod
    def of(cls, environment: str, state: Path, root: Path | None = None) -> Places:
        """`root`: the folder of the root key; by default one below the user's data folder."""
        return cls(environment, state, root or _data_home() / "dingli" / "pki" / environment)

    @property
    def root_key(self) -> Path:
        return self.root / "root.key"

    @property
    def root_passphrase(self) -> Path:
        return self.root / "root.passphrase"

    @property
    def root_certificate(self) -> Path:
        return self.root / "root.crt"

    @property
    def ca(self) -> Path:
        """The root certificate as hosts get it."""
        return self.state / "pki" / "ca.crt"

    @property
    def intermediate_certificate(self) -> Path:
        return self.state / "pki" / "intermediate.crt"

    @property
    def intermediate_key(self) -> Path:
        return self.state / "pki" / "intermediate.key"

    @property
    def issued(self) -> Path:
        """One folder per host with copies of the certificates signed for it: what `status` reads expiry from."""
        return self.state / "pki" / "issued"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def intermediate_passphrase(self) -> Path:
        return self.secrets / "intermediate.passphrase"


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
