"""Debian packages from a bundle to hosts that have no way to any archive: over SSH, what each lacks, nothing else.

A host first resolves what it would install from the index alone, and names the files; the controller sends just those.
"""

from __future__ import annotations

import io
import re
import shlex
import tarfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import yaml

from dingli import ssh
from dingli.bundle.exceptions import BundleError
from dingli.bundle.layout import PACKAGES
from dingli.check import contact
from dingli.check.requirements import requirements
from dingli.environment import Environment, project_root

__all__ = ["MARK", "Pushed", "install_on", "names_for", "push"]

_AT_ONCE = 8
_LIMIT_S = 1800  # an emulated host is slow
_INDEX = ("Packages", "Release")
_URI = re.compile(r"'[^']*/([^/']+\.deb)' \S+ \d+ ")
# In the image of every host of the lab, but wanted on those alone that say so (dingli.check.requirements).
_OF_SOME_HOSTS = {"etcd-server", "etcd-client", "prometheus", "prometheus-alertmanager"}

_FOLDER = "/var/tmp/dingli-packages"  # noqa: S108 - made anew, for root alone
_POLICY = "/usr/sbin/policy-rc.d"
MARK = "made by dingli bundle push"
"""What tells a policy-rc.d of ours from an administrator's."""
_BEGIN = f"""
set -eu
# Left by a push that lost its power, it would keep every later package from starting anything.
! grep -qs '{MARK}' {_POLICY} || rm -f {_POLICY}
umask 077
rm -rf {_FOLDER}
mkdir {_FOLDER}
cd {_FOLDER}
mkdir lists archives archives/partial
tar -xf -
echo 'deb [trusted=yes] copy:{_FOLDER} ./' >sources.list
cat >apt.conf <<'CONF'
Dir::Etc::SourceList "{_FOLDER}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "{_FOLDER}/lists";
Dir::Cache::Archives "{_FOLDER}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
APT::Sandbox::User "root";
DPkg::Lock::Timeout "300";
CONF
APT_CONFIG={_FOLDER}/apt.conf apt-get -qq update
APT_CONFIG={_FOLDER}/apt.conf apt-get -qq -y install --no-install-recommends --no-upgrade --print-uris $names
"""
_FINISH = f"""
set -eu
cd {_FOLDER}
policy=
trap 'rm -rf {_FOLDER}; [ -z "$policy" ] || rm -f "$policy"' EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e {_POLICY} ]; then
    policy={_POLICY}
    printf '#!/bin/sh\\n# {MARK}\\nexit 101\\n' >$policy
    chmod 0755 $policy
fi
tar -xf -
new=
for unit in $units; do
    [ -e "/lib/systemd/system/$unit" ] || new="$new $unit"
done
APT_CONFIG={_FOLDER}/apt.conf DEBIAN_FRONTEND=noninteractive \\
    apt-get -q -y -o Dpkg::Options::=--force-confold install --no-install-recommends --no-upgrade $names >&2
for unit in $new; do
    [ ! -e "/lib/systemd/system/$unit" ] || systemctl disable "$unit" >&2
done
"""

Run = Callable[[str, bytes], str]
"""Runs a script as root on a host, with this input; gives its standard output."""


@dataclass(frozen=True)
class Pushed:
    """What came of a host."""

    host: str
    packages: int
    trouble: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.trouble)

    @property
    def words(self) -> str:
        """For the screen."""
        return self.trouble or (f"{self.packages} packages installed" if self.packages else "nothing was missing")


def push(environment: Environment, hosts: Sequence[str], bundle: Path) -> list[Pushed]:
    """Install on each host what it lacks. One that fails keeps no other from it."""

    def one(host: str) -> Pushed:
        declared = environment.hosts[host]
        try:
            with contact.connect(environment, host) as connection:
                root = [] if connection.target.user == "root" else ["sudo", "-n"]

                def run(script: str, data: bytes) -> str:
                    command = shlex.join([*root, "sh", "-c", script])
                    return connection.run(command, stdin=data, timeout_s=_LIMIT_S).stdout

                names = names_for(environment, host)
                return Pushed(
                    host, install_on(run, bundle / PACKAGES / declared.os.value, names, units_of(declared.os))
                )
        except (ssh.SshError, BundleError) as error:
            return Pushed(host, 0, str(error))

    with ThreadPoolExecutor(_AT_ONCE) as executor:
        return list(executor.map(one, hosts))


def install_on(run: Run, repository: Path, names: Iterable[str], units: Iterable[str]) -> int:
    """Install `names` from `repository`, and disable those of `units` that came with them: how many packages."""
    if not all((repository / name).is_file() for name in _INDEX):
        raise BundleError(f"no packages in {repository}", "those of the host's release", "build with that --platform")
    said = f"names={shlex.quote(' '.join(names))} units={shlex.quote(' '.join(units))}\n"
    missing = [unquote(name) for name in _URI.findall(run(said + _BEGIN, _tar(repository, _INDEX)))]
    if unknown := set(missing) - {file.name for file in repository.glob("*.deb")}:
        # What a host asks for is sent to it: never anything but packages.
        raise BundleError(f"a host asked for {min(unknown)!r}", "packages that the index names", "look at that host")
    run(said + _FINISH, _tar(repository, missing))
    return len(missing)


def names_for(environment: Environment, host: str) -> list[str]:
    """What the lab's image of its release has, without the services of other hosts."""
    images = _recipes(environment.hosts[host].os)
    common = {str(name) for image in images for name in image["packages"]} - _OF_SOME_HOSTS
    return sorted(common | set(requirements(environment, host).packages))


def units_of(os: str) -> list[str]:
    """Services that roles enable, not the packages that bring them."""
    return sorted({str(unit) for image in _recipes(os) for unit in image.get("disable", ())})


def _recipes(os: str) -> list[dict[str, list[str]]]:
    files = sorted((project_root() / "lab" / "images").glob(f"{os}-*.yaml"))
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def _tar(folder: Path, names: Iterable[str]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            archive.add(folder / name, name, recursive=False)
    return data.getvalue()
