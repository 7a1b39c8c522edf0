"""Language host for Python: lets the Pulumi engine run this repository's program.

The engine starts it as `pulumi-language-python ADDRESS`, reads a port from its first line, and talks the
language-host protocol to it. Every Run is a process of its own in the project's virtual environment (see
run_program.py), so nothing of one run is left for the next. So is every plugin written in Python, such as a policy
pack (see plugin_process.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from lifetime import end_with_parent
from plugin_process import PluginProcess
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

_RUN_PROGRAM = Path(__file__).with_name("run_program.py")
_CALLS = 32  # a plugin holds one for as long as it runs


class InterpreterMissing(Exception):
    """The project names a virtual environment that is not there."""


def interpreter(root: Path, options: dict[str, Any]) -> str:
    """The Python that runs the program: `runtime.options.virtualenv`, relative to Pulumi.yaml, or this one."""
    name = options.get("virtualenv")
    if not name:
        return sys.executable
    python = root / name / "bin" / "python"
    if not os.access(python, os.X_OK):
        raise InterpreterMissing(
            f"no Python at {python} (runtime.options.virtualenv: {name}); expected a virtual environment there\n"
            "what to do: run 'make setup'"
        )
    return str(python)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The calls that the engine makes for previews, updates, refreshes, destroys and `pulumi about`."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo()

    def About(self, request: Any, context: Any) -> Any:
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        yield language_pb2.InstallDependenciesResponse(stdout=b"dependencies are installed by 'make setup'\n")

    def Cancel(self, request: Any, context: Any) -> Any:
        self.stop_programs()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:
        try:
            python = interpreter(Path(request.info.root_directory or request.pwd), dict(request.info.options))
        except InterpreterMissing as missing:
            return language_pb2.RunResponse(error=str(missing))
        answer, answer_end = os.pipe()
        with os.fdopen(answer, "rb") as reader:
            child = subprocess.Popen(
                [python, "-u", str(_RUN_PROGRAM), str(answer_end)],
                cwd=request.pwd,
                stdin=subprocess.PIPE,
                pass_fds=[answer_end],
            )
            os.close(answer_end)
            with self._lock:
                self._running.add(child)
            assert child.stdin is not None
            child.stdin.write(request.SerializeToString())
            child.stdin.close()
            answered = reader.read()
        status = child.wait()
        with self._lock:
            self._running.discard(child)
        if status != 0:
            return language_pb2.RunResponse(error=f"the program's process ended with status {status} and no answer")
        return language_pb2.RunResponse.FromString(answered)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Runs until the plugin ends or the engine gives the call up, which is how it ends a plugin."""
        try:
            python = interpreter(Path(request.info.root_directory), dict(request.info.options))
        except InterpreterMissing as missing:
            yield language_pb2.RunPluginResponse(stderr=f"{missing}\n".encode())
            yield language_pb2.RunPluginResponse(exitcode=1)
            return
        plugin = PluginProcess(python, request)
        with self._lock:
            self._running.add(plugin.process)
        try:
            context.add_callback(plugin.process.kill)
            for name, chunk in plugin.output():
                answer = language_pb2.RunPluginResponse
                yield answer(stdout=chunk) if name == "stdout" else answer(stderr=chunk)
            yield language_pb2.RunPluginResponse(exitcode=plugin.process.wait())
        finally:
            plugin.process.kill()
            with self._lock:
                self._running.discard(plugin.process)

    def stop_programs(self) -> None:
        """End the programs that are still running; they hold nothing that needs an orderly end."""
        with self._lock:
            for child in self._running:
                child.kill()


def main() -> None:
    host = LanguageHost()
    end_with_parent(cleanup=host.stop_programs)
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(max_workers=_CALLS), options=unlimited)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
