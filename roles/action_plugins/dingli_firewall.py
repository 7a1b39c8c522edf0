"""The controller's half of the packet filter: proves with a new connection that the new rules let it in."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """One module execution on a host whose filter is right, two where it changes."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        done = self._host_half(task_vars or {})
        if done.get("failed") or not done.get("pending"):
            return result | done
        # The open connection would go on whatever the rules say: only another one proves anything.
        self._connection.reset()
        try:
            confirmed = self._host_half(task_vars or {}, confirm=True)
        except AnsibleConnectionFailure as error:
            after_s = self._task.args.get("revert_after_s", "some")
            raise AnsibleActionFail(
                f"the new packet filter lets no new connection in from here ({error}). expected: one, to confirm it. "
                f"The host goes back to its former rules by itself within {after_s} s. what to do: declare this "
                "machine's address in network.controllers of the environment file (`dingli network flows`)"
            ) from error
        return result | (confirmed if confirmed.get("failed") else done)

    def _host_half(self, variables: dict[str, Any], **more: Any) -> dict[str, Any]:
        done: dict[str, Any] = self._execute_module(
            module_name="dingli_firewall", module_args=self._task.args | more, task_vars=variables
        )
        return done
