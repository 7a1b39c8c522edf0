"""Run a Pulumi program once: a RunRequest comes on standard input, the RunResponse goes to the given descriptor.

The run itself (settings, stack, errors, outstanding calls) is the SDK's own, the one that its automation API uses.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from lifetime import end_with_parent

sys.path.remove(str(Path(__file__).resolve().parent))  # the program must not find this folder's modules

from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2


def main() -> None:
    answer = int(sys.argv[1])
    end_with_parent()
    request = language_pb2.RunRequest.FromString(sys.stdin.buffer.read())
    entry = Path(request.pwd, request.program or ".").resolve()
    folder = entry if entry.is_dir() else entry.parent
    sys.path.insert(0, str(folder))
    sys.argv = [str(entry), *request.args]

    def program() -> None:
        runpy.run_path(str(entry), run_name="__main__")

    response = LanguageServer(program).Run(request, None)
    with os.fdopen(answer, "wb") as out:
        out.write(response.SerializeToString())
    sys.stdout.flush()
    os._exit(0)  # the SDK leaves threads behind that would hold the process


if __name__ == "__main__":
    main()
