"""The API behind TLS."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import SSLError

from lab.cloud import tls
from lab.cloud.api import Api


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    served = Api("127.0.0.1", 0, tls.make(folder, "127.0.0.1"))
    served.start()
    yield served
    served.stop()


def client(api: Api, verify: str) -> Any:
    session: Any = boto3.Session("any", "any", region_name="eu-west-3")
    return session.client("ec2", endpoint_url=f"https://127.0.0.1:{api.port}", verify=verify)


def test_who_knows_the_ca_is_answered(api: Api, folder: Path) -> None:
    assert client(api, str(tls.ca_file(folder))).describe_vpcs()["Vpcs"]


def test_a_request_that_was_signed_beforehand_is_of_the_service_that_it_was_signed_for(api: Api, folder: Path) -> None:
    ca_file = str(tls.ca_file(folder))
    url = client(api, ca_file).generate_presigned_url("create_vpc", Params={"CidrBlock": "10.77.0.0/16"})
    with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=ca_file)) as answer:
        assert b"CreateVpcResponse" in answer.read()
    assert "10.77.0.0/16" in [one["CidrBlock"] for one in client(api, ca_file).describe_vpcs()["Vpcs"]]


def test_who_does_not_know_the_ca_goes_away(api: Api, tmp_path: Path) -> None:
    tls.make(tmp_path, "127.0.0.1")
    with pytest.raises(SSLError):
        client(api, str(tls.ca_file(tmp_path))).describe_vpcs()


def test_the_ca_stays_and_keys_are_for_nobody_else(folder: Path) -> None:
    before = tls.ca_file(folder).read_bytes()
    chain = tls.make(folder, "127.0.0.1")

    assert tls.ca_file(folder).read_bytes() == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in (chain, folder / "ca.key")} == {0o600}


def test_a_client_that_says_nothing_keeps_nobody_waiting(api: Api, folder: Path) -> None:
    with socket.create_connection(("127.0.0.1", api.port)):
        assert client(api, str(tls.ca_file(folder))).describe_vpcs()["Vpcs"]


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/"])
def test_what_no_cloud_has_is_not_there(api: Api, folder: Path, path: str) -> None:
    context = ssl.create_default_context(cafile=str(tls.ca_file(folder)))
    request = urllib.request.Request(f"https://127.0.0.1:{api.port}{path}", method="POST", data=b"")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, context=context, timeout=30)
    assert refused.value.code == 404


def test_a_call_that_changes_something_wakes_who_waits(api: Api, folder: Path) -> None:
    ec2 = client(api, str(tls.ca_file(folder)))
    caller = threading.Thread(target=lambda: ec2.create_vpc(CidrBlock="10.0.0.0/16"))
    with api.lock:
        caller.start()
        woken = api.lock.wait(30)
    caller.join()
    assert woken
