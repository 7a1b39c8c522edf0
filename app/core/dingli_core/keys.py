"""Names of a cell's keys in etcd (docs/protocol.md, section 2)."""

__all__ = ["Keys"]


class Keys:
    """All keys of one cell. In key names the / of a core id is written as a colon."""

    def __init__(self, cell: str) -> None:
        self.prefix = f"/dingli/v1/{cell}/".encode("ascii")
        self.end = self.prefix[:-1] + b"0"
        self.log_prefix = self.prefix + b"log/"
        self.log_end = self.prefix + b"log0"
        self.leader = self.prefix + b"leader"
        self.policy = self.prefix + b"policy"
        self.handover = self.prefix + b"handover"
        self.switch = self.prefix + b"switch"
        self.halt = self.prefix + b"halt"
        self.votes_prefix = self.prefix + b"votes/"
        self.votes_end = self.prefix + b"votes0"
        self.quarantine_prefix = self.prefix + b"quarantine/"
        self.disputed_prefix = self.prefix + b"disputed/"
        self.status_prefix = self.prefix + b"status/"

    def log(self, n: int) -> bytes:
        return self.log_prefix + b"%016x" % n

    def status(self, core: str) -> bytes:
        return self.status_prefix + escaped(core)

    def vote(self, n: int, core: str) -> bytes:
        return self.vote_of(n, escaped(core))

    def vote_of(self, n: int, escaped_core: bytes) -> bytes:
        return self.votes_prefix + b"%016x/" % n + escaped_core

    def quarantine(self, core: str) -> bytes:
        return self.quarantine_prefix + escaped(core)

    def disputed(self, epoch: int) -> bytes:
        return self.disputed_prefix + b"%016x" % epoch


def escaped(core: str) -> bytes:
    return core.replace("/", ":").encode("ascii")
