"""Claims keep two processes apart and are freed by SIGKILL."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from agerepro.runs.claims import NOW, WHEN_FREE, claim

HOLDER = """
import sys
from pathlib import Path
from agerepro.runs.claims import claim
with claim(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_a_claim_excludes_another_process_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        with claim(tmp_path, wait=NOW) as mine:
            assert not mine
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with claim(tmp_path, wait=WHEN_FREE) as mine:
            assert mine
