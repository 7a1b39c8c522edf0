"""Power drivers: declared, and answering a question that changes nothing."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from dingli.check.finding import Finding, State
from dingli.environment import Environment
from dingli.environment.power import CommandPower, Ec2Power, RedfishPower
from dingli.exceptions import DingliError
from dingli.power import power_status

__all__ = ["finding"]

_TIMEOUT_S = 10
_WORKS = "a power controller that answers"


def finding(environment: Environment, host: str) -> Finding:
    """Whether the power controller of a host could be asked."""
    name = environment.hosts[host].power
    if name is None:
        remedy = f"declare hosts.{host}.power; until then drills that cut its power are refused"
        return Finding(host, "power", State.UNKNOWN, "no driver declared", "a power driver", remedy)
    driver = environment.power[name]
    try:
        if isinstance(driver, RedfishPower):
            return _answers(host, driver)
        return _asked(environment, host, driver)
    except (OSError, ValueError, DingliError) as error:
        text = error.found if isinstance(error, DingliError) else str(error)
        remedy = f"see power.{name} in the environment file, and whether the controller reaches it from here"
        return Finding(host, "power", State.FAILED, text, _WORKS, remedy)


def _asked(environment: Environment, host: str, driver: CommandPower | Ec2Power) -> Finding:
    if isinstance(driver, CommandPower) and driver.status is None:
        remedy = f"declare power.{driver.name}.status: a command with {{host}} that only asks"
        return Finding(host, "power", State.UNKNOWN, f"driver {driver.name} cannot be asked", "`status`", remedy)
    said = power_status(environment, host)
    return Finding(host, "power", State.GOOD, f"{driver.name}: {said}" if said else driver.name)


def _answers(host: str, driver: RedfishPower) -> Finding:
    """The service's root page, which needs no log-in and changes nothing."""
    driver.password_file.read_bytes()
    base = driver.url.format(host=host)
    url = f"{urlsplit(base).scheme}://{urlsplit(base).netloc}/redfish/v1/"
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no address of a web service")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the scheme was looked at
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        status = error.code
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLError):
            remedy = f"put the certificate authority of {urlsplit(url).netloc} into this machine's trust store"
            return Finding(
                host, "power", State.UNKNOWN, f"{url}: {reason}", "a certificate that can be checked", remedy
            )
        raise OSError(f"{url}: {reason}") from error
    except TimeoutError as error:
        raise OSError(f"{url}: no answer within {_TIMEOUT_S} s") from error
    if status >= 500:
        raise OSError(f"{url}: status {status}")
    return Finding(host, "power", State.GOOD, f"{driver.name}: {driver.driver} answers")
