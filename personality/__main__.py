"""`python -m personality`: the command line."""

import sys

from personality.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
