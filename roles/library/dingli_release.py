#!/usr/bin/python
"""The host's half of a program's release: a folder named after the archive's sum, whole or not there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dingli_release
short_description: A program's files in a folder of their own
description:
  - Looks whether the release is there, and with O(archive) puts it there; the action plugin of the same name calls it.
  - A release is unpacked beside its place and renamed into it, so that an interrupted run leaves nothing half-done.
  - A gzipped tar is unpacked; any other file becomes the only one of the release.
options:
  program: {description: Name of the program; its releases are below /opt/dingli/<program>, type: str, required: true}
  sha256: {description: The archive's sum. Its first 12 digits name the release., type: str, required: true}
  archive: {description: The archive on this host. Without it nothing is changed., type: path}
  file: {description: Name of the only file of a release that is no tar, type: str, default: ''}
  root: {description: Where programs are, type: path, default: /opt/dingli}
"""

import compileall
import hashlib
import os
import py_compile
import shutil
import tarfile

from ansible.module_utils.basic import AnsibleModule

# The running process may still read from the release before this one.
_KEPT_BEFORE = 2


class Release:
    """One release of one program."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.sha256 = module.params["sha256"]
        self.releases = os.path.join(module.params["root"], module.params["program"])
        self.folder = os.path.join(self.releases, self.sha256[:12])

    def install(self, archive: str) -> None:
        found = sum_of(archive)
        if found != self.sha256:
            self.module.fail_json(
                msg=f"the archive of {self.module.params['program']} has the sum {found}; expected {self.sha256}"
            )
        os.makedirs(self.releases, mode=0o755, exist_ok=True)
        for leftover in os.listdir(self.releases):
            if leftover.startswith("."):
                shutil.rmtree(os.path.join(self.releases, leftover))
        beside = os.path.join(self.releases, f".{self.sha256[:12]}")
        os.mkdir(beside, 0o755)
        if self.module.params["file"]:
            shutil.copyfile(archive, os.path.join(beside, self.module.params["file"]))
            os.chmod(os.path.join(beside, self.module.params["file"]), 0o644)
        else:
            unpack(archive, beside)
        os.rename(beside, self.folder)

    def forget_old(self) -> None:
        others = [os.path.join(self.releases, name) for name in os.listdir(self.releases)]
        others = sorted((path for path in others if path != self.folder), key=os.path.getmtime, reverse=True)
        for path in others[_KEPT_BEFORE:]:
            shutil.rmtree(path)


def sum_of(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def unpack(archive: str, folder: str) -> None:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:  # Debian 12's Python; the sum was compared above
            tar.extractall(folder)  # noqa: S202
    # The program's account may not write here, and would compile everything anew at each start.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(folder, quiet=2, invalidation_mode=mode, maxlevels=20)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "program": {"type": "str", "required": True},
            "sha256": {"type": "str", "required": True},
            "archive": {"type": "path"},
            "file": {"type": "str", "default": ""},
            "root": {"type": "path", "default": "/opt/dingli"},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)  # hardening gives sudo a stricter one, and the program could not read its files
    release = Release(module)
    present = os.path.isdir(release.folder)
    change = f"install {release.folder}"
    if present:
        module.exit_json(changed=False, present=True, folder=release.folder, changes=[])
    if module.check_mode or not module.params["archive"]:
        module.exit_json(changed=module.check_mode, present=False, folder=release.folder, changes=[f"would {change}"])
    release.install(module.params["archive"])
    release.forget_old()
    module.exit_json(changed=True, present=True, folder=release.folder, changes=[change])


if __name__ == "__main__":
    main()
