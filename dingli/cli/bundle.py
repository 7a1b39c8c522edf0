"""Bundles for sites without any network: build one archive, verify it, bring its packages to hosts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dingli import bundle
from dingli.bundle.push import push as push_packages
from dingli.environment import load, project_root
from dingli.evidence import signing
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentOrPath

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:\n\ndingli bundle build -o dingli-bundle.tar\n\n"
    "dingli bundle verify dingli-bundle.tar --key SHA256:…",
)


@app.command(
    epilog="Examples:\n\ndingli bundle build\n\n"
    "dingli bundle build -o site.tar --platform debian-13-x86_64 --platform debian-12-x86_64"
)
def build(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE")] = Path("dingli-bundle.tar"),
    platform: Annotated[
        list[str] | None,
        typer.Option(help=f"Debian packages for it; all by default: {', '.join(map(str, bundle.PLATFORMS))}."),
    ] = None,
    signing_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A private key of ed25519; by default one of this clone, made once."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Collect the commit, its wheels, Debian packages and the engine into one signed archive."""
    root = project_root()
    if signing_key is not None and not signing_key.is_file():
        raise InputError(f"no file {signing_key}", "a private key of ed25519", "or leave --signing-key out")
    key = signing_key or signing.ensure_key(root / ".dingli" / "bundle" / "signing_key", "bundles of dingli")
    order = bundle.Order(root, _platforms(platform))
    built = bundle.build(order, output.resolve(), key, lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(asdict(built) | {"path": str(built.path)}))
        return
    typer.echo(
        f"{built.path}: {built.files} files, {built.size / 1e6:.0f} MB, sum of its manifest {built.manifest_sha256}"
    )
    typer.echo(f"signed by {built.signer}: give that to whoever installs it, over another way than the archive")


@app.command(
    epilog="Examples:\n\ndingli bundle verify dingli-bundle.tar --key SHA256:…\n\n"
    "dingli bundle verify dingli-bundle/ --key signer.pub --json"
)
def verify(
    place: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The archive, or the folder it was unpacked to.")],
    key: Annotated[str, typer.Option(metavar="FINGERPRINT|FILE", help="Whose signature to expect.")],
    as_json: AsJson = False,
) -> None:
    """Say what in a bundle is not as it was signed: changed, missing, added, another signer. Status 1 if anything."""
    verdict = bundle.verify(place, key)
    if as_json:
        typer.echo(json.dumps({"good": not verdict.findings} | asdict(verdict), indent=2))
    else:
        for finding in verdict.findings:
            typer.echo(str(finding))
        words = f"{len(verdict.findings)} findings: do not install it" if verdict.findings else "as it was signed"
        typer.echo(f"{verdict.files} files, signer {verdict.signer or 'unknown'}: {words}")
    raise typer.Exit(ExitCode.FAILED if verdict.findings else ExitCode.OK)


@app.command(
    epilog="Examples:\n\ndingli bundle push prod /srv/dingli-bundle --key SHA256:…\n\n"
    "dingli bundle push prod dingli-bundle --key signer.pub --host a-1 --json"
)
def push(
    name: EnvironmentOrPath,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the bundle was unpacked.")],
    key: Annotated[str, typer.Option(metavar="FINGERPRINT|FILE", help="Whose signature to expect.")],
    host: Annotated[list[str] | None, typer.Option(help="Only this host; can be given several times.")] = None,
    as_json: AsJson = False,
) -> None:
    """Install on hosts what they lack for `dingli up`, from the bundle's Debian packages, over SSH."""
    environment = load(name)
    if unknown := sorted(set(host or ()) - environment.hosts.keys()):
        raise InputError(
            f"no host {', '.join(unknown)} in {environment.name}", f"some of {', '.join(environment.hosts)}"
        )
    verdict = bundle.verify(folder, key)
    if verdict.findings:
        found = f"{folder}: {verdict.findings[0]}"
        raise bundle.BundleError(found, "the bundle as it was signed", "`dingli bundle verify` names everything")
    done = push_packages(environment, host or list(environment.hosts), folder)
    for one in [] if as_json else done:
        typer.echo(f"{one.host}: {one.words}")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in done], indent=2))
    raise typer.Exit(ExitCode.FAILED if any(one.failed for one in done) else ExitCode.OK)


def _platforms(names: list[str] | None) -> tuple[bundle.Platform, ...]:
    known = {str(platform): platform for platform in bundle.PLATFORMS}
    if unknown := sorted(set(names or ()) - known.keys()):
        raise InputError(f"the platform {', '.join(unknown)}", f"some of {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names or known))
