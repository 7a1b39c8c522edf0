"""The controller's half of a program's release: the archive travels only to a host that does not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """`program`, `path` of its archive on the controller, `sha256`; `file` names the only file of one that is no tar.

    One module execution on a host that has the release, two on one that gets it.
    """

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = {key: str(value) for key, value in self._task.args.items() if key != "path"}
        found = self._host_half(arguments, variables)
        if found.get("failed") or found.get("present") or self._task.check_mode:
            return result | found
        archive = Path(str(self._task.args["path"]))
        if not archive.is_file():
            raise AnsibleActionFail(f"{archive} is missing on the controller; build it again: dingli up")
        folder = self._make_tmp_path()
        sent = self._transfer_file(str(archive), self._connection._shell.join_path(folder, "archive"))
        try:
            return result | self._host_half(arguments | {"archive": sent}, variables)
        finally:
            self._remove_tmp_path(folder)

    def _host_half(self, arguments: dict[str, str], variables: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = self._execute_module(
            module_name="dingli_release", module_args=arguments, task_vars=variables
        )
        return done
