"""Hosts of other sites that keep the heads of the chain: nobody drops its last runs, or signs it anew, unseen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from dingli.environment import Environment
from dingli.environment.witnesses import witness_hosts
from dingli.evidence import manifest, signing
from dingli.evidence.exceptions import NoKey, SignatureError, WitnessError, WitnessUnreachable
from dingli.evidence.store import Store

__all__ = [
    "ACCOUNT",
    "Answer",
    "Ask",
    "Dial",
    "Statement",
    "ask_heads",
    "check_signature",
    "countersign",
    "over_ssh",
    "read_statements",
]

ACCOUNT = "dingli-witness"
_HEAD = re.compile("([1-9][0-9]{0,11}) ([0-9a-f]{64}) [^\n ]+")
_REPLACED = "find out why it changed; if the host was replaced on purpose, see docs/evidence.md, Witnesses"
Ask = Callable[[str], str]
"""Sends one command (`heads lab`) and gives the answer; raises WitnessError."""
Dial = Callable[[str], AbstractContextManager[Ask]]
"""Connects to a host by name; raises WitnessUnreachable."""


class Statement(BaseModel):
    """What a witness signed: `dingli-witness 1 <environment> <time>`, then `<number> <sum> <time>` for each run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    witness: str
    lines: tuple[str, ...]
    signature: str

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return ("\n".join(self.lines) + "\n").encode()

    def heads(self, environment: str) -> dict[int, str]:
        """Sums by number. Raises WitnessError for another environment's statement or one that cannot be read."""
        header = self.lines[0].split(" ") if self.lines else []
        rows = [_HEAD.fullmatch(line) for line in self.lines[1:]]
        # A line break inside a line would leave the signed bytes as they are, and hide heads.
        if header[:3] != ["dingli-witness", "1", environment] or len(header) != 4 or "\n" in header[3] or None in rows:
            raise WitnessError(f"{self.witness} stated {self.lines[:2]}", f"the heads of {environment}")
        return {int(row[1]): row[2] for row in rows if row}


@dataclass(frozen=True)
class Answer:
    """What came of asking one witness: a statement, or why there is none."""

    witness: str
    statement: Statement | None = None
    trouble: str = ""
    reached: bool = True


def countersign(environment: Environment, store: Store, dial: Dial | None = None) -> list[Answer]:
    """Send every head that a witness does not have yet; keep its statements. Trouble is an answer, not an exception."""
    if dial is None and not (store.state / "known_hosts").exists():
        return []  # no host was adopted yet
    heads = [manifest.head_of(folder) for folder in store.folders() if folder.closed]

    def send(ask: Ask, host: str) -> Statement:
        known = _parse(host, ask(f"heads {environment.name}"))
        last = max(known.heads(environment.name), default=0)
        for head in heads:
            if head.number > last:
                known = _parse(host, ask(f"append {environment.name} {head.number} {head.sum}"))
        _gather_key(store, host, ask)
        return known

    answers = _ask_all(environment, store, dial, send)
    _keep(store, answers)
    return answers


def ask_heads(environment: Environment, store: Store, dial: Dial | None = None) -> list[Answer]:
    """Every witness's whole list of heads, signed by it."""
    return _ask_all(environment, store, dial, lambda ask, host: _parse(host, ask(f"heads {environment.name}")))


def _ask_all(
    environment: Environment, store: Store, dial: Dial | None, send: Callable[[Ask, str], Statement]
) -> list[Answer]:
    connect = dial or over_ssh(environment, store)

    def one(host: str) -> Answer:
        try:
            with connect(host) as ask:
                return Answer(host, send(ask, host))
        except WitnessUnreachable as error:
            return Answer(host, trouble=error.found, reached=False)
        except WitnessError as error:
            return Answer(host, trouble=error.found)

    hosts = witness_hosts(environment)
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        return list(pool.map(one, hosts))


def _keep(store: Store, answers: list[Answer]) -> None:
    """The newest statement of each witness, beside the evidence: for `list`, and to carry away."""
    known = {one.witness: one for one in _kept(store)}
    known |= {answer.witness: answer.statement for answer in answers if answer.statement}
    draft = store.statements.with_suffix(".new")
    draft.write_text("".join(one.model_dump_json() + "\n" for one in known.values()))
    draft.rename(store.statements)


def _kept(store: Store) -> list[Statement]:
    """What was kept so far. A file that a full disk or an editor spoiled is put aside: witnesses say it all again."""
    try:
        return read_statements(store.statements) if store.statements.exists() else []
    except WitnessError:
        store.statements.rename(store.statements.with_suffix(".spoiled"))
        return []


def _parse(host: str, text: str) -> Statement:
    try:
        plain = json.loads(text)
        return Statement(witness=host, lines=tuple(plain["lines"]), signature=plain["signature"])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise WitnessError(f"{host} answered {text[:80]!r}", "a signed statement") from None


def _gather_key(store: Store, host: str, ask: Ask) -> None:
    """Keep a witness's public key when it is first seen; one that differs later is trouble."""
    said = " ".join(ask("key").split()[:2])
    file = store.witness_keys / f"{host}.pub"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(said + "\n")
    elif file.read_text().strip() != said:
        raise WitnessError(f"{host} has another key than {file} says", "the key first seen", _REPLACED)


def over_ssh(environment: Environment, store: Store) -> Dial:
    """Connections to the witnesses' account, with the key that opens nothing else, host keys checked strictly."""

    @contextmanager
    def dial(host: str) -> Iterator[Ask]:
        from dingli import ssh  # paramiko takes long to load; runs without witnesses do not need it

        try:
            key = store.known_login_key()  # a run makes it when it begins; who only asks makes nothing
        except NoKey as error:
            raise WitnessUnreachable(f"{host}: {error.found}", error.expected, error.remedy) from None
        reached = ssh.target(environment, host, user=ACCOUNT, key=key)
        try:
            connection = ssh.connect(reached, timeout_s=5)
        except ssh.SshError as error:
            raise WitnessUnreachable(f"{host}: {error.found}", "a witness that answers") from error
        with connection:

            def ask(command: str) -> str:
                try:
                    return connection.run(command, timeout_s=20).stdout
                except ssh.SshError as error:
                    raise WitnessError(f"{host}: {error.found}", "an answer") from error

            yield ask

    return dial


def read_statements(file: Path) -> list[Statement]:
    """Statements from a file of JSON lines, as `dingli evidence heads` prints them. Raises WitnessError."""
    try:
        return [Statement.model_validate_json(line) for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise WitnessError(f"{file}: {error}", "one statement a line, as `dingli evidence heads` prints them") from None
    except ValidationError as error:
        found = f"{file} holds a line that is no statement ({error.error_count()} mistakes)"
        raise WitnessError(
            found, "one statement a line, as `dingli evidence heads` prints them", "fetch it again, or ask who made it"
        ) from None


def check_signature(environment: str, statement: Statement, allowed_signers: Path) -> None:
    """Raises SignatureError unless the witness signed it."""
    principal = signing.witness_principal(environment, statement.witness)
    try:
        signing.verify(
            allowed_signers, principal, signing.WITNESS_NAMESPACE, statement.signed, statement.signature.encode()
        )
    except SignatureError as error:
        raise SignatureError(f"{statement.witness}: {error.found}", f"the signature of {principal}") from None
