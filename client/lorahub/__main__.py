"""`python -m lorahub` is `lorahub`."""

import sys

from lorahub.cli import main

if __name__ == "__main__":
    sys.exit(main())
