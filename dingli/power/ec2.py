"""Power of a cloud's instances: cut, and given back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dingli.cloud_session import cloud_session
from dingli.environment import Environment
from dingli.environment.power import Ec2Power
from dingli.power.exceptions import PowerFailed, PowerRefused
from dingli.power.returning import Promise, arm, disarm

__all__ = ["Ec2Driver"]

_GONE = ("shutting-down", "terminated")
_WITHIN_S = 120.0
_AGAIN_S = 1.0
_SIGNED_FOR_S = 7 * 24 * 3600  # the longest that there is; shorter where the credentials themselves end before
_SPARE_S = 120
_NOT_KNOWN = ("UnknownParameter", "InvalidParameter", "InvalidParameterCombination", "UnsupportedOperation")


class Ec2Driver:
    """Finds its machine by the tag `Name`, in the cloud of the host's site."""

    def __init__(self, environment: Environment, declared: Ec2Power, host: str) -> None:
        cloud = environment.cloud_of(environment.hosts[host].site)
        if cloud is None:
            raise PowerRefused(
                f"{host} has the driver {declared.name}, and no cloud", "a site with a cloud", "`dingli env check`"
            )
        self._environment, self._host, self._cloud = environment, host, cloud
        self._latest: float | None = None
        """When a cut would be too near to the time at which the power returns."""

    def promise(self, seconds: int) -> None:
        """Finds ops hosts that will give the power back."""
        began = time.monotonic()
        with self._as_our_errors("ask"):
            found = self._machine()["InstanceId"]
            self._require_credentials_for(seconds)
            arm(self._environment, self._promise(found), seconds)
        self._latest = began + seconds / 2

    def cut(self) -> str:
        """By force, and without its guest's consent where the cloud can do that; says so where it cannot."""
        if self._latest is None or time.monotonic() > self._latest:
            disarm(self._environment, self._host)
            raise PowerRefused(
                f"the ops hosts took too long to promise the power of {self._host}",
                "half of the time without power left",
                "nothing was stopped: give it more time, `--off` of a drill",
            )
        with self._as_our_errors("stop"):
            found, remark = self._machine()["InstanceId"], ""
            try:
                self._once.stop_instances(InstanceIds=[found], Force=True, SkipOsShutdown=True)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in _NOT_KNOWN:
                    raise
                self._once.stop_instances(InstanceIds=[found], Force=True)
                remark = f"{self._host} was shut down in order: its cloud does not cut the power of an instance"
            self._until("stopped", lambda: self._machine()["State"]["Name"] == "stopped")
        return remark

    def on(self) -> None:
        with self._as_our_errors("start"):
            found = self._machine()["InstanceId"]
            self._until("started", lambda: self._started(found))
        disarm(self._environment, self._host)

    def status(self) -> str:
        with self._as_our_errors("describe"):
            machine = self._machine()
            return f"{machine['InstanceId']} is {machine['State']['Name']}"

    @cached_property
    def _client(self) -> Any:
        return self._connected(4)

    @cached_property
    def _once(self) -> Any:
        """For what must not be done later than it was asked for."""
        return self._connected(1)

    @cached_property
    def _session(self) -> Any:
        cloud = self._cloud
        return cloud_session(region=cloud.region, profile=cloud.profile, credentials_file=cloud.credentials_file)

    def _require_credentials_for(self, seconds: int) -> None:
        """What is signed with credentials that end before the power returns would be refused then."""
        credentials = self._session.get_credentials()
        ends_within = getattr(credentials, "refresh_needed", None)  # of temporary ones whose end is known
        if ends_within is None:
            return
        credentials.get_frozen_credentials()  # as fresh as they get
        if ends_within(seconds + _SPARE_S):
            raise PowerRefused(
                f"the credentials for the cloud of {self._host} end before its power returns, {seconds} s from now",
                f"credentials that last {_SPARE_S} s longer",
                "nothing was stopped: log in again, or take credentials that do not end",
            )

    def _connected(self, attempts: int) -> Any:
        cloud, session = self._cloud, self._session
        retries: Any = {"mode": "standard", "total_max_attempts": attempts}
        config = Config(connect_timeout=5, read_timeout=30, retries=retries)
        return session.client("ec2", endpoint_url=cloud.endpoint, verify=cloud.ca_file, config=config)

    def _machine(self) -> dict[str, Any]:
        """The one of this name that is not gone."""
        tags = {"Name": self._host, "dingli:environment": self._environment.name}
        filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
        seen = self._client.describe_instances(Filters=filters)["Reservations"]
        found = [one for each in seen for one in each["Instances"] if one["State"]["Name"] not in _GONE]
        if len(found) != 1:
            ids = ", ".join(one["InstanceId"] for one in found)
            raise PowerFailed(
                f"{len(found)} instances named {self._host} at {self._cloud.url}{': ' + ids if ids else ''}",
                "the one that its stack has made",
                f"run `dingli up {self._environment.name} --site {self._environment.hosts[self._host].site} --refresh`",
            )
        machine: dict[str, Any] = found[0]
        return machine

    def _started(self, instance: str) -> bool:
        """A machine that is still stopping cannot be started yet."""
        try:
            self._client.start_instances(InstanceIds=[instance])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "IncorrectInstanceState":
                raise
            return False
        return True

    def _promise(self, instance: str) -> Promise:
        start, trial = (
            self._client.generate_presigned_url(
                "start_instances",
                Params={"InstanceIds": [instance], **more},
                ExpiresIn=_SIGNED_FOR_S,
                HttpMethod="GET",
            )
            for more in ({}, {"DryRun": True})
        )
        file = self._cloud.ca_file
        ends = time.time() + _SIGNED_FOR_S
        return Promise(self._host, start, trial, ends, Path(file).read_text() if file is not None else None)

    def _until(self, what: str, done: Any) -> None:
        until = time.monotonic() + _WITHIN_S
        while not done():
            if time.monotonic() > until:
                raise PowerFailed(
                    f"{self._host} is {self._machine()['State']['Name']} after {_WITHIN_S:.0f} s",
                    f"that it is {what}",
                    f"`dingli power {self._environment.name} {self._host} status` asks again; its console says why",
                )
            time.sleep(_AGAIN_S)

    @contextmanager
    def _as_our_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, OSError) as error:
            raise PowerFailed(
                f"{self._host}: {what} at {self._cloud.url}: {error}",
                "an answer of the cloud, and credentials that may stop and start its instances",
                "see sites.*.cloud in the environment file, and the credentials as boto3 finds them",
            ) from error
