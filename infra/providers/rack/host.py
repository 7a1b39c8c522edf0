"""`rack:index:Host`: adopts a machine that exists already. Its identity is the machine-id."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import paramiko

from dingli import ssh
from dingli.environment import load
from infra.providers.base.exceptions import Incomplete, ProviderError
from infra.providers.base.resource import Context, Difference, Properties, ReadResult, ResourceType
from infra.providers.base.values import contains_unknown
from infra.providers.rack import account
from infra.providers.rack.declared import host_id, host_inputs, target_of
from infra.providers.rack.machine import Facts, gather, refusal

__all__ = ["HostType"]

_TEXT: dict[str, Any] = {"type": "string"}
_ACTS_ON_HOST = ("environment", "host", "address", "arch", "os", "host_key_sha256", "declared_machine_id", "bastion")
_BOOTING_S = 300  # an instance runs before it answers
_AGAIN_S = 2
_CONTACT_S = 8  # a delete of an unreachable host must have failed within 30 s, a bastion included


class HostType(ResourceType):
    """Inputs are those of `declared.host_inputs`; outputs add what was found on the machine."""

    token: ClassVar[str] = "rack:index:Host"  # noqa: S105 - a type
    required: ClassVar[Sequence[str]] = ("environment", "host", "address", "arch", "os")
    inputs: ClassVar[dict[str, dict[str, Any]]] = {
        **dict.fromkeys((*required, "host_key_sha256", "declared_machine_id"), _TEXT),
        "accept_replacement": _TEXT,
        "root_key": _TEXT,
        **dict.fromkeys(("instance_id", "first_user"), _TEXT),  # of a machine that the stack has made
        **{"hosting": _TEXT, "data_level": {"type": "integer"}},  # for infra/policies; nothing on the machine
        "bastion": {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}},
    }
    outputs: ClassVar[dict[str, dict[str, Any]]] = {
        "machine_id": _TEXT,
        "adopted_key": _TEXT,
        "facts": {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}},
        "reachable": {"type": "boolean"},
        "seen_machine_id": _TEXT,
        "seen_host_key": _TEXT,
        "drift": {"type": "array", "items": _TEXT},
    }

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        if state.get("instance_id") != news.get("instance_id"):  # the stack's own doing: nobody is asked to accept it
            return Difference(["instance_id"], ["instance_id"], delete_before_replace=True)
        other = _another_machine(state)
        if other is not None:
            # Refused by `update`: a refresh asks for the difference to the *old* inputs, and may not fail over them.
            accepted = news.get("accept_replacement") == state["seen_host_key"]
            return Difference(["machine_id"], ["machine_id"] if accepted else [], delete_before_replace=True)
        changed = [name for name in _ACTS_ON_HOST if state.get(name) != news.get(name)]
        replaced = [name for name in changed if name in ("environment", "host")]
        drift = ["drift"] if state.get("drift") else []
        return Difference(changed + drift, replaced, delete_before_replace=True)

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        if context.preview or contains_unknown(news):
            context.log.info(_plan(news))
            return "", dict(news)
        resource_id = host_id(news["environment"], news["host"])
        with _first_contact(context, news) as connection:
            facts = _checked(connection, news)
            context.log.progress(f"{news['host']}: {facts.arch}, {facts.os}; making the deploy account")
            return resource_id, _adopt(context, connection, news, facts)

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        if context.preview or contains_unknown(news):
            other = _another_machine(state)
            if other is not None:
                raise _refused(state, other, state["seen_host_key"])
            for item in state.get("drift") or []:
                context.log.info(f"{news['host']}: would repair: {item}")
            return {**state, **news}
        declared = news.get("host_key_sha256")
        host_key = state["adopted_key"] if declared in (None, state.get("host_key_sha256")) else declared
        with _open(news, host_key) as connection:
            facts = _checked(connection, news)
            its_key = ssh.fingerprint(connection.host_key)
            if facts.machine_id != state["machine_id"] and news.get("accept_replacement") != its_key:
                other = f"another machine answers at {news['address']}: machine-id {facts.machine_id}"
                raise _refused(state, other, its_key)
            result = _adopt(context, connection, news, facts)
        if state["address"] != news["address"]:
            ssh.KnownHosts(target_of(state, ssh.DEPLOY_USER).known_hosts).forget(state["address"])
        return result

    def read(self, context: Context, resource_id: str, state: Properties, inputs: Properties) -> ReadResult:
        if not state:
            return _import(resource_id)
        seen = dict(state)
        try:
            with _connect(state, ssh.DEPLOY_USER, state["adopted_key"]) as connection:
                facts = gather(connection)
                seen |= {"facts": facts.as_outputs()["facts"], "seen_machine_id": facts.machine_id}
                seen |= {"seen_host_key": ssh.fingerprint(connection.host_key), "reachable": True}
                sudo = connection.run("sudo -n true", check=False).status == 0
                seen["drift"] = [] if sudo else ["the deploy account has no sudo"]
        except ssh.HostKeyRefused as error:
            seen |= {"seen_host_key": error.found_key, "seen_machine_id": "", "reachable": True}
        except ssh.AuthenticationRefused:
            seen |= {"drift": ["the deploy account does not accept the deploy key"], "reachable": True}
        except ssh.SshError as error:
            context.log.warning(f"cannot tell: {error.found}; its last known state is kept")
            seen["reachable"] = False
        other = _another_machine(seen)
        if other is not None:
            context.log.warning(f"{state['host']}: {other}")
        return ReadResult(resource_id, seen, inputs)

    def delete(self, context: Context, resource_id: str, state: Properties) -> None:
        known = ssh.KnownHosts(target_of(state, ssh.DEPLOY_USER).known_hosts)
        if state.get("instance_id"):
            context.log.info(f"{state['host']}: {state['instance_id']} goes; its host key is forgotten")
            known.forget(state["address"])
            return
        try:
            with _connect(state, ssh.DEPLOY_USER, state["adopted_key"]) as connection:
                if gather(connection).machine_id == state["machine_id"]:
                    account.release(connection)
                else:
                    context.log.warning(f"{state['host']} is another machine now; nothing on it was touched")
        except ssh.HostKeyRefused:
            context.log.warning(f"{state['host']} has another host key now; nothing on it was touched")
        except ssh.SshError as error:
            stack = context.urn.split("::")[0].removeprefix("urn:pulumi:")
            raise ProviderError(
                f"cannot give {state['host']} back: {error.found}",
                "a reachable host",
                f"power it on and try again, or abandon it: pulumi -s {stack} state delete '{context.urn}'",
            ) from error
        known.forget(state["address"])


def _plan(news: Properties) -> str:
    declared = news.get("host_key_sha256")
    text = f"would adopt {news['host']} at {news['address']} ({news['arch']}, {news['os']})"
    if contains_unknown(news.get("instance_id")):
        return f"{text} when its instance has told its host key on its console; everything is deployed to it then"
    if isinstance(declared, str):
        return f"{text}, host key {declared}"
    try:
        offered = ssh.offered_fingerprints(target_of(news, "root"))
    except ssh.SshError as error:
        return f"{text}; its host key is not declared, and none can be seen: {error.found}"
    keys = ", ".join(f"{kind} {print_}" for kind, print_ in offered.items())
    return f"{text}; its host key is not declared. It offers {keys}: compare, then declare host_key_sha256"


def _declared_key(news: Properties) -> str:
    declared = news.get("host_key_sha256")
    if not declared:
        raise ProviderError(
            f"{news['host']}: no host_key_sha256",
            "a declared fingerprint",
            "`preview` shows it; compare, then declare it",
        )
    return str(declared)


def _connect(inputs: Properties, user: str, host_key: str, key: Path | None = None) -> ssh.Connection:
    return ssh.connect(target_of(inputs, user, key), host_key_sha256=host_key, timeout_s=_CONTACT_S)


def _open(news: Properties, host_key: str) -> ssh.Connection:
    """As the deploy account if the machine knows it already. Otherwise with the root key that was handed over; an
    instance as its image's user, to whom the launch has given the deploy key.
    """
    ssh.make_deploy_key(ssh.deploy_key(news["environment"]))
    try:
        return _connect(news, ssh.DEPLOY_USER, host_key)
    except ssh.AuthenticationRefused:
        if news.get("first_user"):
            return _connect(news, news["first_user"], host_key)
        root_key = news.get("root_key")
        if not root_key:
            raise ProviderError(
                f"{news['host']}: no deploy account yet, and no root key was handed over",
                "a root key for the first contact",
                "name the hand-over file in the environment (`handover:`)",
            ) from None
        return _connect(news, "root", host_key, Path(root_key))


def _first_contact(context: Context, news: Properties) -> ssh.Connection:
    try:
        return _open_when_booted(context, news, _declared_key(news))
    except ssh.HostKeyRefused as error:
        if news.get("accept_replacement") != error.found_key:
            raise
        return _open(news, error.found_key)


def _open_when_booted(context: Context, news: Properties, host_key: str) -> ssh.Connection:
    """A machine of a rack stands there; one that was just made may still boot."""
    deadline = time.monotonic() + (_BOOTING_S if news.get("instance_id") else 0)
    while True:
        try:
            return _open(news, host_key)
        except ssh.Unreachable as error:
            if time.monotonic() > deadline:
                raise
            context.log.progress(f"{news['host']}: {error.found}")
        context.cancellation.raise_if_requested()
        time.sleep(_AGAIN_S)


def _checked(connection: ssh.Connection, news: Properties) -> Facts:
    facts = gather(connection)
    reason = refusal(facts, news["arch"], news["os"])
    declared = news.get("declared_machine_id")
    if reason is None and declared and declared != facts.machine_id:
        reason = f"machine-id {facts.machine_id}, declared {declared}"
    if reason is not None:
        raise ProviderError(
            f"{news['host']} at {news['address']}: {reason}", "the declared machine", "correct the file or the address"
        )
    return facts


def _adopt(context: Context, connection: ssh.Connection, news: Properties, facts: Facts) -> Properties:
    adopted = {
        **news,
        **facts.as_outputs(),
        "adopted_key": ssh.fingerprint(connection.host_key),
        "seen_machine_id": facts.machine_id,
        "seen_host_key": ssh.fingerprint(connection.host_key),
        "reachable": True,
        "drift": [],
    }
    deploy_key = ssh.deploy_key(news["environment"])
    try:
        account.adopt(connection, ssh.make_deploy_key(deploy_key))
        known = ssh.KnownHosts(connection.target.known_hosts)
        known.remember(news["address"], connection.target.port, connection.host_key)
        deploy = replace(connection.target, user=ssh.DEPLOY_USER, key=deploy_key)
        with ssh.connect(deploy, timeout_s=_CONTACT_S) as own:  # root's key only goes once this works
            own.run("sudo -n true")
            if news.get("first_user"):
                account.disable_first_user(own, news["first_user"])
            if news.get("root_key"):
                account.disable_root_key(own, paramiko.PKey.from_path(news["root_key"]).get_base64())
    except ssh.SshError as error:
        reached = {**adopted, "drift": ["adoption was not completed"]}
        raise Incomplete(host_id(news["environment"], news["host"]), reached, [str(error)]) from error
    return adopted


def _another_machine(state: Properties) -> str | None:
    seen_id, seen_key = state.get("seen_machine_id"), state.get("seen_host_key")
    if seen_key and seen_key != state["adopted_key"]:
        return f"another machine answers at {state['address']}: host key {seen_key}"
    if seen_id and seen_id != state["machine_id"]:
        return f"another machine answers at {state['address']}: machine-id {seen_id}"
    return None


def _refused(state: Properties, other: str, its_key: str) -> ProviderError:
    if state.get("instance_id"):
        return ProviderError(
            f"{state['host']}: {other}, though its instance is {state['instance_id']} as before",
            f"the machine that was adopted, {state['machine_id']}",
            "find out what was done to it; if nobody can say, terminate the instance: "
            "`dingli up ENV --refresh` makes another",
        )
    return ProviderError(
        f"{state['host']}: {other}",
        f"the machine that was adopted, {state['machine_id']}",
        f"if it was replaced on purpose, set `accept_replacement: {its_key}` on the host; if not, correct the address",
    )


def _import(resource_id: str) -> ReadResult:
    name, _, host = resource_id.partition("/")
    environment = load(name)
    if host not in environment.hosts:
        raise ProviderError(f"the id {resource_id!r}", "environment/host, both declared", "correct the id")
    inputs = host_inputs(environment, host)
    if environment.site_of(host).made:
        raise ProviderError(f"the id {resource_id!r}, of an instance", "a host of a rack", "make it with its stack")
    with _connect(inputs, ssh.DEPLOY_USER, _declared_key(inputs)) as connection:
        facts, key = _checked(connection, inputs), ssh.fingerprint(connection.host_key)
        ssh.KnownHosts(connection.target.known_hosts).remember(inputs["address"], 22, connection.host_key)
    seen = {"adopted_key": key, "seen_host_key": key, "seen_machine_id": facts.machine_id}
    state = {**inputs, **facts.as_outputs(), **seen, "reachable": True, "drift": []}
    return ReadResult(resource_id, state, inputs)
