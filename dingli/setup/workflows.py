"""Which phases each `make` target consists of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dingli.setup.debian import install_packages
from dingli.setup.engine import provide_engine
from dingli.setup.phases import Phase, command, run_phases
from dingli.setup.promtool import provide_promtool
from dingli.setup.quickfix import provide_quickfix
from dingli.setup.shell import environment, write_env
from dingli.setup.virtualenv import make_virtualenv

_LINTED = ["."]
_TYPED = ["dingli", "infra", "lab", "drills", "audit", "loadtests", "app", "roles", "tools", "tests"]
_LAB = "lab"
_APT = "check the machine's apt sources"


def setup(root: Path) -> None:
    """Everything that the controller needs."""
    run_phases(_setup_phases(root))


def up(root: Path) -> None:
    """From nothing to a lab that trades, and its summary."""
    run_phases(
        [
            *_setup_phases(root),
            _lab_up(root),
            _stacks_up(root),
        ]
    )
    command(["dingli", "status", _LAB, "--summary"], cwd=root, env=environment(root))


def down(root: Path) -> None:
    """Remove the lab and what the state says about its machines; evidence, certificates and caches stay."""
    run_phases(
        [
            _virtualenv(root),
            Phase("lab down", _tool(root, "dingli", "lab", "down"), "try `dingli lab reset`"),
            Phase("forget its machines", lambda: _forget_machines(root), "remove the files named above by hand"),
        ]
    )


def check(root: Path) -> None:
    """The part of the tests that needs neither lab nor engine, and is quick."""
    run_phases([_virtualenv(root), _promtool()])
    run_phases(_check_phases(root), all_of_them=True)


def test(root: Path) -> None:
    """Everything. Ends with pytest's own summary."""
    run_phases([*_setup_phases(root), *_quickfix(root)])
    run_phases([*_check_phases(root), _thorough_phase(root)], all_of_them=True)
    run_phases([_lab_up(root), _stacks_up(root)])
    command(["pytest", "-m", "live and not long", "tests/live"], cwd=root, env=environment(root))


def quickfix(root: Path) -> None:
    """The FIX client that the live tests of the gateway use."""
    run_phases([_virtualenv(root), *_quickfix(root)])


def bench(root: Path) -> None:
    """Measure the targets, unattended."""
    measure = Phase("measure", _tool(root, "dingli", "bench", _LAB), "see the measurement named above")
    run_phases([*_setup_phases(root), _lab_up(root), _stacks_up(root), measure])


def _setup_phases(root: Path) -> list[Phase]:
    return [
        Phase("Debian packages", lambda: install_packages(root / "tools" / "debian-packages.txt"), _APT),
        _virtualenv(root),
        Phase("Pulumi engine", lambda: provide_engine(root), "check that Go can fetch modules (`go env GOPROXY`)"),
        _promtool(),
        Phase("shell file", lambda: write_env(root), "check that .dingli is writable"),
    ]


def _virtualenv(root: Path) -> Phase:
    return Phase("virtual environment", lambda: make_virtualenv(root), "check that pip can fetch packages")


def _promtool() -> Phase:
    return Phase("promtool", lambda: f"{provide_promtool()}", _APT)


def _quickfix(root: Path) -> list[Phase]:
    packages = root / "tests" / "quickfix" / "debian-packages.txt"
    return [
        Phase("compiler for QuickFIX", lambda: install_packages(packages), _APT),
        Phase("QuickFIX", lambda: provide_quickfix(root), "read the compiler's message above"),
    ]


def _check_phases(root: Path) -> list[Phase]:
    typed = [name for name in _TYPED if (root / name).is_dir()]
    steps = [
        ("lint", ["ruff", "check", "--quiet", *_LINTED], "`ruff check --fix .` repairs most of it"),
        ("format", ["ruff", "format", "--check", "--quiet", *_LINTED], "run `ruff format .`"),
        ("types", ["mypy", *typed], "see the lines named above"),
        (
            "unit tests",
            ["pytest", "-q", "-n", "logical", "-m", "not engine and not slow and not live", "tests/unit"],
            "see the tests named above",
        ),
    ]
    return [Phase(name, _tool(root, *arguments), remedy) for name, arguments, remedy in steps]


def _thorough_phase(root: Path) -> Phase:
    tests = ["pytest", "-q", "-n", "logical", "-m", "(engine or slow) and not live", "tests/unit"]
    return Phase("tests with the engine", _tool(root, *tests), "see the tests named above")


def _lab_up(root: Path) -> Phase:
    return Phase(
        "lab", _tool(root, "dingli", "lab", "up"), "`dingli lab status` tells more; `dingli lab reset` rebuilds"
    )


def _stacks_up(root: Path) -> Phase:
    return Phase("stacks and gate", _tool(root, "dingli", "up", _LAB), "see the host or stack named above")


def _tool(root: Path, *arguments: str) -> Callable[[], str]:
    """A phase's action: a program of the clone's own environment."""

    def run() -> str:
        command([root / ".venv" / "bin" / arguments[0], *arguments[1:]], cwd=root, env=environment(root))
        return "ok"

    return run


def _forget_machines(root: Path) -> str:
    """Remove stack state and generated stack files of the lab: its next machines are others."""
    others = [f"{file.stem}-" for file in (root / "stacks" / "environments").glob(f"{_LAB}-*.yaml")]

    def of_lab(stack: str) -> bool:
        """`lab-two-primary` is a stack of lab-two, not of the lab."""
        return stack.startswith(f"{_LAB}-") and not stack.startswith(tuple(others))

    state = [path for path in (root / ".dingli" / "pulumi").rglob(f"{_LAB}-*") if path.is_file() and of_lab(path.name)]
    found = (root / "stacks").glob(f"Pulumi.{_LAB}-*.yaml")
    generated = [path for path in found if of_lab(path.name.removeprefix("Pulumi."))]
    known = [root / ".dingli" / _LAB / "known_hosts"]
    known += (root / ".dingli" / _LAB / "evidence-witnesses").glob("*.pub")  # the next witnesses have keys of their own
    for path in [*state, *generated, *known]:
        path.unlink(missing_ok=True)
    return f"{len(state)} state files, {len(generated)} stack files"
