"""What Linux alone has is not needed: all modules load, and a recogniser is trained and used, where it is hidden."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HIDING = """
import importlib, mmap, os, pkgutil, signal, sys, warnings
warnings.simplefilter("ignore")  # filelock says that the system has no locks

def hide(module, *names):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

for module in ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog"):
    sys.modules[module] = None
hide(signal, "pthread_sigmask", "pthread_kill", "sigwait", "sigpending", "SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM")
import matplotlib.figure, multiprocessing.util, soundfile, torch  # which know what they run on
hide(mmap, "MADV_DONTNEED", "MADV_SEQUENTIAL", "MADV_WILLNEED", "MAP_PRIVATE", "MAP_SHARED", "MAP_POPULATE")
hide(os, "O_NOFOLLOW", "O_DIRECTORY", "O_TMPFILE", "O_NOATIME", "pread", "pwrite", "preadv", "fchmod", "fchown")
hide(os, "sched_getaffinity", "sched_setaffinity", "posix_fadvise", "posix_fallocate", "getuid", "geteuid", "getgid")
hide(os, "copy_file_range", "sendfile", "memfd_create", "getloadavg", "mkfifo", "nice", "statvfs", "sysconf", "uname")
hide(os, "fdatasync", "sync", "setsid", "getpgid", "killpg", "wait4", "getxattr")

import asrtrain
from asrtrain.cli import main
for module in pkgutil.walk_packages(asrtrain.__path__, "asrtrain."):
    if module.name != "asrtrain.__main__":
        importlib.import_module(module.name)
for line in sys.argv[1:]:
    code = main(line.split())
    assert code == 0, (line, code)
"""


@pytest.mark.slow
def test_everything_loads_and_trains_without_what_linux_alone_has(fsdd: Path, tmp_path: Path) -> None:
    for path in fsdd.glob("[01]_*_[0-2].wav"):
        word = tmp_path / "recordings" / path.name[0]
        word.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, word)
    (tmp_path / "words.yaml").write_text(
        "data: {train: {name: manifest, path: recordings, format: folder}, held_out: {by: hash, fraction: 0.2}}\n"
        "model: softmax\nfeatures: {name: mfcc, sample_rate: 8000}\ntraining: {max_epochs: 1}\n",
        encoding="utf-8",
    )
    lines = (
        *(
            "fit words.yaml --output run --set training.max_steps=1",
            "fit words.yaml --output other",
            "eval run --split dev",
        ),
        *("transcribe recordings/0 --run other --nproc 2", "report run --output report.html", "config init"),
    )
    done = subprocess.run(
        [sys.executable, "-c", HIDING, *lines],
        check=False, cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "ASRTRAIN_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "outcome.json").is_file()
    assert (tmp_path / "report.html").is_file()
