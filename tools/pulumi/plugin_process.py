"""A plugin written in Python, such as a policy pack: a process whose output goes to the engine as it comes."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

__all__ = ["PluginProcess"]

_RUN_PLUGIN = Path(__file__).with_name("run_plugin.py")
_CHUNK_BYTES = 65536


class PluginProcess:
    """Started from a RunPluginRequest, whose `env` is the whole environment."""

    def __init__(self, python: str, request: Any) -> None:
        program = Path(request.info.program_directory, request.info.entry_point or ".").resolve()
        self.process = subprocess.Popen(
            [python, "-u", str(_RUN_PLUGIN), request.kind, str(program), *request.args],
            cwd=request.pwd,
            env=dict(pair.split("=", 1) for pair in request.env if "=" in pair) or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def output(self) -> Iterator[tuple[str, bytes]]:
        """`stdout` or `stderr` and what came there, until both are at their end."""
        chunks: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        streams = {"stdout": self.process.stdout, "stderr": self.process.stderr}
        for name, stream in streams.items():
            threading.Thread(target=_read, args=(name, stream, chunks), name=f"plugin-{name}", daemon=True).start()
        ended = 0
        while ended < len(streams):
            name, chunk = chunks.get()
            if chunk:
                yield name, chunk
            else:
                ended += 1


def _read(name: str, stream: IO[bytes], chunks: SimpleQueue[tuple[str, bytes]]) -> None:
    """As it comes: a plugin says its port and then nothing for long."""
    with stream:
        while chunk := os.read(stream.fileno(), _CHUNK_BYTES):
            chunks.put((name, chunk))
    chunks.put((name, b""))
