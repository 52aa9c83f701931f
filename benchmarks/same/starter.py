"""A process that has imported asrtrain, and runs its commands in copies of itself, so that each starts at once.

It writes where asrtrain lies, then reads commands from standard input, one a line: a JSON list of a file for what the
command says, and its arguments. It answers each with the command's exit status. Pictures are not drawn: nobody compares
them, and they take longer than the rest.
"""

import json
import os
import runpy
import sys

from matplotlib.figure import Figure

import asrtrain.app

Figure.savefig = lambda *_, **__: None  # type: ignore[method-assign]
print(asrtrain.__file__, flush=True)
for line in sys.stdin:
    said, *arguments = json.loads(line)
    child = os.fork()
    if child == 0:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
        sys.argv[1:] = arguments
        runpy.run_module("asrtrain", run_name="__main__", alter_sys=True)
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
