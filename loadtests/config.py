"""Where a load test goes: the cell, its gateways, and the members it plays."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from loadtests.wire import Fields


@dataclass(frozen=True)
class Gateway:
    """One gateway's name and address."""

    name: str
    host: str
    port: int


@dataclass(frozen=True)
class Instrument:
    """What may be traded: prices and tick in 1/10,000."""

    symbol: str
    tick: int
    min_price: int
    max_price: int


@dataclass(frozen=True)
class LoadConfig:
    """The content of /etc/dingli/load-<cell>.json."""

    cell: str
    gateways: tuple[Gateway, ...]
    instruments: tuple[Instrument, ...]
    passwords: dict[str, str]
    ca: str | None

    @staticmethod
    def read(path: Path) -> LoadConfig:
        """Reads the file; raises OSError, KeyError or ValueError for one that is not such a file."""
        data = json.loads(path.read_text())
        return LoadConfig(
            data["cell"],
            tuple(Gateway(**one) for one in data["gateways"]),
            tuple(Instrument(**one) for one in data["instruments"]),
            data["passwords"],
            data.get("ca"),
        )

    def tls(self) -> ssl.SSLContext | None:
        """What checks the gateways' certificates; None only where a test on loopback goes without TLS."""
        return ssl.create_default_context(cafile=self.ca) if self.ca else None

    def order_that_cannot_trade(self, cl_ord_id: str) -> Fields:
        """The fields of an order that buys one at the lowest price, immediate or cancel."""
        one = self.instruments[0]
        price = f"{one.min_price // 10_000}.{one.min_price % 10_000:04d}".rstrip("0").rstrip(".")
        now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        return [
            (11, cl_ord_id),
            (21, "1"),
            (55, one.symbol),
            (54, "1"),
            (60, now),
            (38, "1"),
            (40, "2"),
            (44, price),
            (59, "3"),
        ]

    def members(self) -> list[str]:
        """Sessions that play members."""
        return sorted(name for name in self.passwords if not name.startswith(("PROBE", "SMOKE")))

    def probes(self) -> list[str]:
        """Sessions that probe, one for each gateway."""
        return sorted(name for name in self.passwords if name.startswith("PROBE"))

    def smokes(self) -> list[str]:
        """Sessions of the gate's order, apart from the probes' so that neither disturbs the other."""
        return sorted(name for name in self.passwords if name.startswith("SMOKE"))
