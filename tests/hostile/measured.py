"""Runs one command line as a user does and leaves how much memory it took, in a file.

    python measured.py FILE VERB ARGUMENT …

The kernel's own high-water mark of this process alone: what a parent gets to know of its children
counts the parent's size too.
"""

from __future__ import annotations

import sys
from pathlib import Path


def peak() -> int:
    """The most memory that this process has had, in KiB."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


def main() -> int:
    from archc.cli.main import main as archc

    note = Path(sys.argv.pop(1)).resolve()
    code = archc()
    note.write_text(str(peak()), encoding="ascii")
    return code


if __name__ == "__main__":
    sys.exit(main())
