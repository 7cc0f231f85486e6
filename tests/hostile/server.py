"""Runs hostile command lines, each in a fork of this small process, and tells what they took.

A line of JSON in, `[folder, [verb, argument, …]]`; a line out, `[status, peak in KiB]`; what the
command printed lies in `.out` in the folder. Forks of one process that has imported what all need
are many times quicker than new interpreters, and a fork's memory is its own, as a new process's is.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from importlib.util import find_spec

from hostile.measured import peak

from archc.cli.main import main
from archc.spec.load import prelude

SECONDS = 20  # of the processor, after which a command is ended: far more than any should take
SPACE = 4 << 30  # bytes of addresses
IMPORTED = ("numpy", "archc.pipeline", "archc.weights", "jsonschema", "onnx", "archc_onnx")


def run(folder: str, command: list[str]) -> tuple[int, int]:
    """The exit code and the peak of a command, run in a fork."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        alone(folder, command, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(told or 0)


def alone(folder: str, command: list[str], writer: int) -> None:
    """The fork: it runs the command and ends."""
    os.chdir(folder)
    out = os.open(".out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, out), (2, out)):
        os.dup2(source, target)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    sys.argv = ["archc", *command]
    code = 70
    try:
        code = main()
        sys.stdout.flush()
        os.write(writer, str(peak()).encode())
    finally:
        os._exit(code)


def serve() -> None:
    for name in ("check", "diff", "export", "fmt", "run", "schema", "show"):
        import_module(f"archc.cli.{name}")
    for name in IMPORTED:
        if find_spec(name.partition(".")[0]):
            import_module(name)
    prelude()
    for line in sys.stdin:
        folder, command = json.loads(line)
        print(json.dumps(run(folder, command)), flush=True)


if __name__ == "__main__":
    serve()
