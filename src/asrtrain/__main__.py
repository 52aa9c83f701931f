"""``python -m asrtrain``."""

import sys

from asrtrain.cli import main

if __name__ == "__main__":
    sys.exit(main())
