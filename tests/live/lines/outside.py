"""What one sees of the lab's lines from outside of its hosts: on the router, and by the answers that come."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

from lab.network import ROUTER
from tests.live.lines.gateways import MARKER
from tests.live.network_namespace import inside

_EVERY_S, _GIVEN_UP_S, _LOOK_S = 0.05, 0.9, 0.1
_ALL_PROTOCOLS, _IPV4, _RECEIVE_BUFFER = 3, 0x0800, 33  # ETH_P_ALL, ETH_P_IP, SO_RCVBUFFORCE
_UDP, _ESP, _NAT = 17, 50, (4500).to_bytes(2, "big") * 2
_HEAD = 20  # an IPv4 packet without options
_KEY_EXCHANGE = bytes(4)  # instead of the number of an association

Ends = frozenset[str]


@dataclass
class Seen:
    """Of one switch: encrypted packets by the two addresses between which they went; packets between two networks that
    are joined by lines, in clear; and packets in which the marker can be read."""

    encrypted: Counter[Ends] = field(default_factory=Counter)
    between: Counter[str] = field(default_factory=Counter)
    readable: int = 0


class Capture:
    """Looks at every packet that passes the router's switches with these names, until it is closed."""

    def __init__(self, switches: Sequence[str], joined: Sequence[tuple[IPv4Network, IPv4Network]]) -> None:
        self.seen = {switch: Seen() for switch in switches}
        self._joined, self._open = joined, True
        threads = []
        for switch in switches:
            with inside(ROUTER):
                ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
            ear.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER, 1 << 26)
            ear.bind((switch, _ALL_PROTOCOLS))  # others would hear what comes in alone
            ear.settimeout(_LOOK_S)
            threads.append(threading.Thread(target=self._listen, args=(ear, self.seen[switch])))
        self._threads = threads
        for one in threads:
            one.start()

    def carrying(self, switch: str, lines: Mapping[str, Ends], seconds: float = 1.0) -> str:
        """The line that carries most just now; a line without traffic has a question and an answer each second."""
        before = Counter(self.seen[switch].encrypted)
        time.sleep(seconds)
        new = self.seen[switch].encrypted - before
        return max(lines, key=lambda name: new[lines[name]])

    def close(self) -> None:
        self._open = False
        for one in self._threads:
            one.join()

    def _listen(self, ear: socket.socket, seen: Seen) -> None:
        with ear:
            while self._open:
                try:
                    packet, origin = ear.recvfrom(65536)
                except TimeoutError:
                    continue
                if origin[1] == _IPV4:
                    self._judge(packet, seen)

    def _judge(self, packet: bytes, seen: Seen) -> None:
        if MARKER.encode() in packet:
            seen.readable += 1
        source, destination = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
        for one, other in self._joined:
            if (source in one and destination in other) or (source in other and destination in one):
                ports = [int.from_bytes(packet[_HEAD + at : _HEAD + at + 2], "big") for at in (0, 2)]
                seen.between[f"{source}:{ports[0]} to {destination}:{ports[1]}, protocol {packet[9]}"] += 1
        in_udp = packet[9] == _UDP and packet[_HEAD : _HEAD + 4] == _NAT
        if packet[9] == _ESP or (in_udp and packet[_HEAD + 8 : _HEAD + 12] not in (_KEY_EXCHANGE, b"")):
            seen.encrypted[frozenset((str(source), str(destination)))] += 1


class Calls:
    """From a host's network to a port at another site: a new connection every 50 ms, each with the marker as its first
    words, and when each was taken."""

    def __init__(self, namespace: str, address: str, port: int) -> None:
        self.answers: list[float] = []
        self._where, self._open = (namespace, address, port), True
        self._thread = threading.Thread(target=self._call)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join()

    def since(self, moment: float) -> int:
        return sum(one > moment for one in list(self.answers))

    def silence(self, begin: float, end: float) -> tuple[float, float]:
        """The longest time without an answer between two moments, and when it began."""
        times = [begin, *(one for one in list(self.answers) if begin < one < end), end]
        return max((later - earlier, earlier) for earlier, later in pairwise(times))

    def _call(self) -> None:
        namespace, address, port = self._where
        with inside(namespace), selectors.DefaultSelector() as waiting:
            while self._open:
                begin = time.monotonic()
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex((address, port))
                waiting.register(one, selectors.EVENT_WRITE, begin)
                while (left := begin + _EVERY_S - time.monotonic()) > 0:
                    self._take(waiting, left)
            for key in list(waiting.get_map().values()):
                self._end(waiting, key)

    def _take(self, waiting: selectors.BaseSelector, seconds: float) -> None:
        """Those that are connected now; the kernel's own second attempt would come after a second, and is no answer."""
        for key, _ in waiting.select(seconds):
            assert isinstance(key.fileobj, socket.socket)
            if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                self.answers.append(time.monotonic())
                key.fileobj.send(MARKER.encode())
            self._end(waiting, key)
        old = [key for key in waiting.get_map().values() if time.monotonic() - key.data > _GIVEN_UP_S]
        for key in old:
            self._end(waiting, key)

    @staticmethod
    def _end(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        waiting.unregister(key.fileobj)
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()
