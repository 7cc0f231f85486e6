"""`python -m archc` is `archc`."""

import sys

from archc.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
