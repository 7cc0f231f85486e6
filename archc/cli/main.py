"""`archc VERB …`: finds the verb's module, runs it, and turns what it raises into an exit code.

Exit codes: 0 done, 1 a wrong spec or a failed check, 2 wrong usage, 3 a bug in archc, 130 stopped
by Ctrl-C, 141 the reader of the output went away.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TextIO

from archc.errors import ArchcError, InternalError, UsageError, did_you_mean, printable

# A verb is a module `archc.cli.VERB` with `configure(parser)` and `run(args) -> int`; its docstring
# is its help. A line here makes it known.
VERBS: dict[str, str] = {
    "check": "validate specs, every variant of them",
    "show": "the network as a table: steps, shapes, parameters, MACs",
    "build": "verified ONNX, PyTorch source, weights and a report, in one folder",
    "export": "an ONNX file alone, for a target",
    "run": "run a network with onnxruntime on files",
    "verify": "compare PyTorch with onnxruntime",
    "train": "train a network as its spec says, into a run directory",
    "eval": "measure a run on a part of its data",
    "sample": "draw text or pictures from a trained run",
    "search": "look for better architectures, as the spec's search section says",
    "study": "what a search found: best, front, lineage, specs, page; the best retrained",
    "bench": "latency and throughput side by side",
    "zoo": "the specs that come with archc",
    "schema": "the JSON Schema of specs, for editors",
    "fmt": "put specs into their canonical form, comments kept",
    "diff": "what differs between two networks",
    "explain": "an error code, an op or a topic",
}

REPORTED = 3
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb. Returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        collect_rarely()
    for stream in (sys.stdout, sys.stderr):
        _to_utf8(stream)
    try:
        code = _main(arguments)
        if sys.stdout is not None:  # None if it was closed before the start
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        print("\narchc: stopped", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as leaving:  # argparse: after --help, or a wrong argument
        return leaving.code if isinstance(leaving.code, int) else 2


def collect_rarely() -> None:
    """Looks for garbage in cycles seldom: to find none took a tenth of a short verb's time."""
    gc.set_threshold(100_000, 20, 20)


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from archc import __version__

        print(f"archc {__version__}")
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        known = did_you_mean(verb, VERBS)
        print(f"archc: no verb '{printable(verb[:80])}'; {known}", file=sys.stderr)
        print("usage: archc VERB …; `archc --help` lists the verbs", file=sys.stderr)
        return 2
    return _run(verb, arguments[1:])


def _run(verb: str, arguments: list[str]) -> int:
    from importlib import import_module

    from archc.cli.options import new_parser
    from archc.cli.report import log_to, report

    module = import_module(f"archc.cli.{verb}")
    parser = new_parser(verb, module)
    args: Namespace = parser.parse_intermixed_args(arguments)  # options also among the others
    try:
        with log_to(args):
            code: int = module.run(args)
            return code
    except ArchcError as error:
        report(error.diagnostics, args)
        if isinstance(error, InternalError):
            return REPORTED
        return 2 if isinstance(error, UsageError) else 1
    except (BrokenPipeError, KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        print(f"archc {verb}: there is not enough memory", file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - the last net: a bug must say so, in a few words
        return _bug(error, verb, verbose=bool(args.verbose))


def _bug(error: Exception, verb: str, verbose: bool) -> int:
    """Says that archc itself failed; the traceback with `-v`."""
    if isinstance(error, OSError) and error.strerror:
        about = f" '{error.filename}'" if error.filename else ""
        print(printable(f"archc {verb}: {error.strerror}{about}"), file=sys.stderr)
        return 1
    if verbose:
        import traceback

        print(_safe_lines(traceback.format_exception(error)), file=sys.stderr)
    what = f"{type(error).__name__}: {error}".rstrip(": ")[:300]
    print(printable(f"archc {verb}: a bug in archc: {what}"), file=sys.stderr)
    where = "with the traceback above" if verbose else "with what `-v` adds"
    print(f"Please report it, {where}, the spec and `archc --version`.", file=sys.stderr)
    return REPORTED


def _safe_lines(parts: list[str]) -> str:
    return "\n".join(printable(line) for line in "".join(parts).rstrip().splitlines())


def overview() -> str:
    """What `archc --help` prints."""
    lines = [
        "archc: a compiler for neural-network architectures written as YAML graphs",
        "",
        "usage: archc VERB [arguments]",
        "",
        *(f"  {verb:<9} {summary}" for verb, summary in VERBS.items()),
        "",
        "A spec is a file (net.yaml), file:variant (net.yaml:small) or a zoo name (resnet50).",
        "`archc VERB --help` says more and has an example; `archc --version` prints the version.",
        "Exit codes: 0 done, 1 a wrong spec or a failed check, 2 wrong usage.",
    ]
    return "\n".join(lines)


def _to_utf8(stream: TextIO | None) -> None:
    """UTF-8 whatever the console says; what has no encoding is escaped and never an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="backslashreplace")


def _forget_stdout() -> None:
    """Lets the interpreter's own flush at exit find an open file."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):  # not a file, as in tests
        pass
    finally:
        os.close(null)


if __name__ == "__main__":
    sys.exit(main())
