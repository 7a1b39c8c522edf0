"""The controller's half of certificates: asks the host for requests, signs them, hands the certificates back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from dingli.pki import CertificateRequest, PkiError, Places, open_authority, sign
from dingli.pki.status import record_issued


class ActionModule(ActionBase):
    """`certificates` is the declared list, `state` the environment's folder on the controller, `folder` the host's.

    One module execution on a host whose certificates serve, two on one that needs any.
    """

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = self._task.args
        places = Places.of(str(arguments["environment"]), Path(str(arguments["state"])))
        try:
            authority = open_authority(places)
            declared = {plain["name"]: _plain(plain) for plain in arguments["certificates"]}
            wanted = {name: CertificateRequest.from_plain(plain) for name, plain in declared.items()}
            asked = self._host_half("request", authority.ca_pem, list(declared.values()), variables)
            if asked.get("failed") or not asked.get("requests") or self._task.check_mode:
                return result | asked
            chains = {name: sign(authority, wanted[name], request) for name, request in asked["requests"].items()}
        except PkiError as error:
            raise AnsibleActionFail(str(error)) from error
        signed = [declared[name] | {"chain": chain} for name, chain in chains.items()]
        installed = self._host_half("install", authority.ca_pem, signed, variables)
        if not installed.get("failed"):
            for name, chain in chains.items():
                record_issued(places, str(variables["inventory_hostname"]), name, chain)
        installed["changes"] = asked.get("changes", []) + installed.get("changes", [])
        return result | installed

    def _host_half(
        self, phase: str, ca: str, certificates: list[dict[str, Any]], variables: dict[str, Any]
    ) -> dict[str, Any]:
        arguments = {"phase": phase, "ca": ca, "certificates": certificates}
        if "folder" in self._task.args:
            arguments["folder"] = self._task.args["folder"]
        done: dict[str, Any] = self._execute_module(
            module_name="dingli_keys", module_args=arguments, task_vars=variables
        )
        return done


def _plain(declared: dict[str, Any]) -> dict[str, Any]:
    """As the host compares it: usages in X.509's words, and an owner."""
    wanted = CertificateRequest.from_plain(declared)
    return {
        "name": wanted.name,
        "cn": wanted.cn,
        "sans": list(wanted.sans),
        "usages": [str(usage) for usage in wanted.usages],
        "owner": declared.get("owner") or "root",
        "group": declared.get("group") or "root",
    }
