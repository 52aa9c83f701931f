"""``python -m asrtrain``."""

import os
import sys

from asrtrain.cli import main

if __name__ == "__main__":
    code = main()
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # All is written; the threads that talk to other processes may abort the interpreter on its own way out.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
