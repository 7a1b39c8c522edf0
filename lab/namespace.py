"""The mount namespace in which the lab's containers live, pinned to a file so that it outlives every process.

It exists for three reasons: crun refuses a machine with hybrid cgroups, so a plain cgroup2 tree is mounted there;
privileged containers would get every device of the machine, so /dev there holds harmless ones only; and the mounts
of a lab vanish with it at once.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab.command import attempt, run
from lab.exceptions import LabError
from lab.places import MOUNT_NAMESPACE, PINNED

# Neither the clock nor the modules nor the memory of this machine are a host's to change.
_WITHHELD = "-sys_time,-sys_module,-sys_rawio"

_FURNISH = """
mount --make-rprivate /proc
mount --make-rprivate /sys
mount --make-rprivate /dev
while umount /proc/sys/fs/binfmt_misc 2>/dev/null; do :; done
if ! [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  umount -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
new=$1
mkdir -p "$new"
mount -t tmpfs -o mode=755,size=64k dev "$new"
cd "$new"
for node in null zero full random urandom tty; do cp -a "/dev/$node" .; done
mkdir net pts shm mqueue
if [ -e /dev/net/tun ]; then cp -a /dev/net/tun net/; fi
mount --rbind /dev/pts pts
mount --rbind /dev/shm shm
ln -s pts/ptmx ptmx
ln -s /proc/self/fd fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "${n#*:}"; done
mount --move "$new" /dev
echo furnished
read -r _ || true
"""


def exists() -> bool:
    return _is_mount(MOUNT_NAMESPACE) and attempt(inside("true")).returncode == 0


def create() -> None:
    """Network namespaces made later must be seen inside, so /run/netns has to be a shared mount by now."""
    remove()
    PINNED.mkdir(parents=True, exist_ok=True)
    if not _is_mount(PINNED):
        run(["mount", "--bind", str(PINNED), str(PINNED)])
    run(["mount", "--make-private", str(PINNED)])
    MOUNT_NAMESPACE.touch()
    # Linux pins only a mount namespace whose number is above the caller's own, and deals numbers out per processor: on
    # the processor where the caller's was made it always succeeds.
    if not any(_create_on(cpu) for cpu in sorted(os.sched_getaffinity(0))):
        raise LabError(
            "the kernel does not let the lab keep a mount namespace", "a machine where root may", "use another"
        )


def _create_on(cpu: int) -> bool:
    furnish = ["sh", "-ec", _FURNISH, "furnish", str(PINNED.parent / "dev")]
    command = ["taskset", "--cpu-list", str(cpu), "unshare", "--mount", "--propagation", "slave", *furnish]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "furnished\n":
            raise LabError(f"the lab's mount namespace cannot be furnished: {holder.stderr.read().strip()}")
        pinned = attempt(["mount", "--bind", f"/proc/{holder.pid}/ns/mnt", str(MOUNT_NAMESPACE)])
        holder.communicate()
    return pinned.returncode == 0


def remove() -> None:
    """Unpin it. It is gone when the last process in it has ended."""
    for path in (MOUNT_NAMESPACE, PINNED):
        while _is_mount(path) and attempt(["umount", "-l", str(path)]).returncode == 0:
            pass


def inside(*argv: str) -> list[str]:
    """The command line that runs a program in the lab's mount namespace."""
    withheld = ["setpriv", f"--bounding-set={_WITHHELD}"]
    return ["nsenter", f"--mount={MOUNT_NAMESPACE}", *withheld, *argv]


def _is_mount(path: Path) -> bool:
    mounted = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())
    return str(path) in mounted
