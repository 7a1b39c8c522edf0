"""What an attacker tries, and what came of it.

`PROMISED` is what the storage has promised to refuse, whoever asks. Everything else ordinary credentials may do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from dingli.archive.exceptions import BucketTrouble

__all__ = ["BUCKET_PROMISED", "PROMISED", "Act", "Tally", "let_through", "tried"]

VERSIONS_OFF, LOCK_OFF, DELETE_BUCKET = "switch versions off", "switch object lock off", "delete the bucket"
EXPIRE, DEFAULT_LOCK = "let a rule delete everything", "change the lock of what is new"
OVERWRITE, MARK = "overwrite", "mark as deleted"
DELETE, BYPASS, BULK = "delete a version", "delete it with the bypass of governance", "delete it in bulk"
SHORTEN, WEAKEN = "shorten its lock", "weaken its lock to governance"

PROMISED = (DELETE, BYPASS, BULK, SHORTEN, WEAKEN)
BUCKET_PROMISED = (VERSIONS_OFF, LOCK_OFF, DELETE_BUCKET)
_TRY_AGAIN = (404, 408, 429)  # neither a yes nor a no
_NOT_IMPLEMENTED = 501


@dataclass(frozen=True)
class Act:
    """Something to try; `call` raises ClientError when it is refused."""

    what: str
    call: Callable[[], Any]


def tried(act: Act) -> str:
    """The code of the refusal; empty if it was done. Raises BucketTrouble for an answer that is neither."""
    try:
        answer = act.call()
    except ClientError as error:
        said = error.response
        status = int(said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = str(said.get("Error", {}).get("Code", "")) or str(status)
        if status in _TRY_AGAIN or not 400 <= status <= _NOT_IMPLEMENTED or status == 500:
            raise BucketTrouble(f"to `{act.what}` the service answers {code}", "a yes or a no") from None
        return code
    refusals = answer.get("Errors") if isinstance(answer, dict) else None
    return str(refusals[0].get("Code") or "refused") if refusals else ""


@dataclass
class Tally:
    """Counts; may be used from several threads."""

    done: dict[str, int] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tries(self, act: Act) -> bool:
        """Whether it was done."""
        code = tried(act)
        with self._lock:
            if code:
                codes = self.refused.setdefault(act.what, {})
                codes[code] = codes.get(code, 0) + 1
            else:
                self.done[act.what] = self.done.get(act.what, 0) + 1
        return not code

    def as_data(self) -> dict[str, dict[str, Any]]:
        """By what was tried."""
        names = dict.fromkeys([*self.done, *self.refused])
        return {name: {"done": self.done.get(name, 0), "refused": self.refused.get(name, {})} for name in names}


def let_through(acts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What was done of what the storage promised to refuse."""
    return [name for name in (*PROMISED, *BUCKET_PROMISED) if acts.get(name, {}).get("done")]
