"""Sessions with clouds: credentials are found as boto3 finds them, and never declared."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session

__all__ = ["cloud_session"]


def cloud_session(*, region: str, profile: str | None = None, credentials_file: str | None = None) -> Any:
    """A boto3 session. `credentials_file` takes the place of ~/.aws/credentials; AWS_… variables still come first."""
    core = botocore.session.Session(profile=profile)
    if credentials_file is not None:
        core.set_config_variable("credentials_file", credentials_file)
    return boto3.Session(botocore_session=core, region_name=region)
