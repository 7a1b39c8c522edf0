"""What all resources of the cloud have in common: look, compare, change, and look for an earlier try before making."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra.providers.base.exceptions import Incomplete, ProviderError
from infra.providers.base.resource import Context, Difference, Failure, Properties, ReadResult, ResourceType
from infra.providers.base.values import UNKNOWN, Unknown, contains_unknown
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.comparison import Seen, as_inputs, declared, differing, tag_drift
from infra.providers.industry.errors import code_of, explained, is_ambiguous, is_throttling, nothing_to_import
from infra.providers.industry.fields import MAP, Field, tag_map
from infra.providers.industry.identity import Identity
from infra.providers.industry.waiting import pauses, wait

__all__ = ["CloudResource"]

_BUSY = ("DependencyViolation", "VolumeInUse", "IncorrectState", "IncorrectInstanceState", "OperationAborted")
_BUSY_S = 60  # a network card or a mount may need a moment to go; whoever is not gone then is not ours
_UNFINISHED = {"completion": "an earlier run was cut short or failed"}


class CloudResource(ResourceType):
    """A resource with an id, inputs that are compared one by one, and tags."""

    fields: ClassVar[Mapping[str, Field]]
    reported: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    tagged: ClassVar[bool] = True
    """False for what the cloud puts no tags on."""

    def __init_subclass__(cls) -> None:
        if "fields" in cls.__dict__:
            tags = {"tags": MAP} if cls.tagged else {}
            cls.inputs = {**{name: one.spec for name, one in cls.fields.items()}, **tags}
            cls.required = [name for name, one in cls.fields.items() if one.required]
            cls.outputs = {**cls.reported, "drift": MAP}

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    @abstractmethod
    def find(self, identity: Identity, wanted: Properties) -> str | None:
        """The id of the object that an interrupted creation has left."""

    @abstractmethod
    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        """Make it, tagged if that is possible in one call; returns its id."""

    @abstractmethod
    def look(self, resource_id: str) -> Seen | None:
        """The object as it is; None if there is none."""

    @abstractmethod
    def remove(self, context: Context, resource_id: str) -> None:
        """Begin to remove it."""

    @abstractmethod
    def tag(self, resource_id: str, tags: Mapping[str, str], dropped: Collection[str]) -> None:
        """Put `tags` on it, and take those named in `dropped` off."""

    def settle(self, context: Context, resource_id: str) -> None:
        """Wait until it can be changed and used; what was just made may not be seen everywhere at once."""
        wait(self.cloud, context, f"{resource_id} can be seen", lambda: not self.gone(resource_id))

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        """Bring the fields in `changed` to what is wanted."""

    def gone(self, resource_id: str) -> bool:
        """True once nothing is left of it that could be in somebody's way."""
        return self.look(resource_id) is None

    def together(self, news: Properties) -> Sequence[Failure]:
        """What is wrong between inputs that are right by themselves; some may be missing or Unknown."""
        return ()

    def foresee(self, wanted: Properties, seen: Seen | None) -> None:
        """Raise `ProviderError` for what cannot become true; called in previews, too. Parts may be Unknown."""

    def check(self, news: Properties) -> Sequence[Failure]:
        checks = {name: one.check for name, one in self.fields.items()} | ({"tags": tag_map} if self.tagged else {})
        present = {name: value for name, value in news.items() if name in checks and value is not None}
        found = {name: checks[name](value) for name, value in present.items() if not isinstance(value, Unknown)}
        secret = {name for name, one in self.fields.items() if not one.told}
        wrong = [Failure(name, reason, name not in secret) for name, reason in found.items() if reason is not None]
        return [*wrong, *self.together(news)]

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        changed = [name for name, one in self.fields.items() if one.differ(news.get(name), state.get(name))]
        changed += ["tags"] if (news.get("tags") or {}) != (state.get("tags") or {}) else []
        drift = state.get("drift") or {}
        replaced = [name for name in changed if name in self.fields and self.fields[name].replaces]
        if drift:
            changed.append("drift")
            if any(name in self.fields and self.fields[name].replaces for name in drift):
                replaced.append("drift")
        return Difference(changed, replaced, delete_before_replace=True)

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        with explained(self.cloud, context.name):
            if context.preview or contains_unknown(news):
                self.foresee(self._completed(news), None)
                free = [name for name, one in self.fields.items() if one.free and name not in news]
                return "", {**news, **dict.fromkeys((*free, *self.reported), UNKNOWN), "drift": {}}
            self.foresee(self._completed(news), None)
            resource_id = self._find_or_make(context, news)
            return resource_id, self._bring(context, resource_id, news)

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        with explained(self.cloud, context.name):
            seen = self._must_look(context, resource_id)
            self.foresee(self._completed(news), seen)
            if context.preview or contains_unknown(news):
                for name, text in (state.get("drift") or {}).items():
                    context.log.info(f"would mend {name}: {text}")
                return {**state, **news}
            dropped = set(state.get("tags") or {}) - set(news.get("tags") or {})
            return self._bring(context, resource_id, news, dropped)

    def read(self, context: Context, resource_id: str, state: Properties, inputs: Properties) -> ReadResult:
        with explained(self.cloud, context.name):
            seen = self.look(resource_id)
        if seen is None and not state:
            raise nothing_to_import(self.cloud, resource_id)
        if seen is None:
            context.log.info(f"{resource_id} is gone: it was deleted outside")
            return ReadResult(None)
        if not state:  # an import: the tags of a stranger are put there by the next `up --refresh`
            imported = as_inputs(self.fields, seen)
            return ReadResult(resource_id, {**imported, **seen.outputs, "drift": {}}, imported)
        drift = self._drift(context, inputs, seen)
        for name, text in drift.items():
            context.log.info(f"drift: {name}: {text}")
        unfinished = {name: text for name, text in (state.get("drift") or {}).items() if name in _UNFINISHED}
        return ReadResult(resource_id, {**state, **seen.outputs, "drift": {**unfinished, **drift}}, inputs)

    def delete(self, context: Context, resource_id: str, state: Properties) -> None:
        with explained(self.cloud, context.name):
            if not self.gone(resource_id):
                self._remove(context, resource_id)
                wait(self.cloud, context, f"{resource_id} is gone", lambda: self.gone(resource_id))

    def _completed(self, news: Properties) -> Properties:
        """With defaults where nothing is declared."""
        return {**{name: one.default for name, one in self.fields.items()}, **declared(news)}

    def _drift(self, context: Context, inputs: Properties, seen: Seen) -> dict[str, str]:
        tags = {**(inputs.get("tags") or {}), **self._identity(context).tags} if self.tagged else {}
        return differing(self.fields, declared(inputs), seen) | tag_drift(tags, seen)

    def _identity(self, context: Context) -> Identity:
        return Identity.of(self.cloud.settings.environment, context.urn)

    def _must_look(self, context: Context, resource_id: str) -> Seen:
        seen = self.look(resource_id)
        if seen is None:
            raise ProviderError(
                f"{context.name}: {resource_id} is gone: it was deleted outside",
                "the object that is in the state",
                "`pulumi up --refresh` makes it again",
            )
        return seen

    def _find_or_make(self, context: Context, news: Properties) -> str:
        """Before each try, look for what an earlier one may have made: clouds do not all honour client tokens."""
        identity, wanted = self._identity(context), self._completed(news)
        tags = {**(news.get("tags") or {}), **identity.tags}
        for pause in pauses(context, self.cloud.settings.max_attempts):
            found = self.find(identity, wanted)
            if found is not None:
                self._require_ours(context, found, news)
                return found
            try:
                return self.make(wanted, tags)
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                if pause is None or not (is_throttling(error) or is_ambiguous(error)):
                    raise
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _require_ours(self, context: Context, found: str, news: Properties) -> None:
        others = differing(self.fields, declared(news), self._must_look(context, found))
        fixed = [f"{name}: {text}" for name, text in others.items() if self.fields[name].replaces]
        if fixed:
            raise ProviderError(
                f"{context.name}: {found} has this resource's tags, but {'; '.join(fixed)}",
                "what is declared, which the cloud cannot change on it",
                f"delete {found} if nobody needs it; or declare what is there, and `up` goes on with it",
            )
        context.log.info(f"{found} is there already, from a run that was cut short: it is used")

    def _bring(self, context: Context, resource_id: str, news: Properties, dropped: Collection[str] = ()) -> Properties:
        """Change what differs. Raises `Incomplete` if that fails: the state says so, and the next `up` goes on."""
        try:
            with explained(self.cloud, context.name):
                self.settle(context, resource_id)
                seen = self._must_look(context, resource_id)
                self.tag(resource_id, {**(news.get("tags") or {}), **self._identity(context).tags}, dropped)
                changed = list(differing(self.fields, declared(news), seen))
                if changed:
                    self.change(context, resource_id, self._completed(news), seen, changed)
                    self.settle(context, resource_id)
                    seen = self._must_look(context, resource_id)
        except ProviderError as error:
            raise Incomplete(resource_id, {**news, "drift": _UNFINISHED}, [str(error)]) from error
        free = {name for name, one in self.fields.items() if one.free and name not in news}
        chosen = {name: seen.inputs[name] for name in free if seen.inputs.get(name) is not None}
        return {**news, **chosen, **seen.outputs, "drift": {}}

    def _remove(self, context: Context, resource_id: str) -> None:
        deadline = time.monotonic() + min(_BUSY_S, self.cloud.settings.wait_seconds)
        while True:
            try:
                return self.remove(context, resource_id)
            except ClientError as error:
                if code_of(error) not in _BUSY or time.monotonic() > deadline:
                    raise
            context.cancellation.raise_if_requested()
            time.sleep(1)
