"""What the outside may refuse or lack: one sentence and exit code 2, or it works all the same."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import click
import pytest

from agerepro.cli import main as command_line
from agerepro.cli.options import say_next
from tests.cli.process import TINY, agerepro

COMMANDS = [
    ("run", TINY, "--runs"),
    ("grid", TINY, "--stage", "fgnet", "--runs"),
    ("data", "synthesize", "fgnet", "--people", "1", "--root"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, command: tuple[object, ...]) -> None:
    (tmp_path / "file").touch()
    error = agerepro(*command, tmp_path / "file" / "below", code=2).stderr
    assert "file" in error and os.strerror(errno.ENOTDIR) in error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_every_no_of_the_operating_system_is_a_sentence_in_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    @click.command("fail")
    def fail() -> None:
        raise OSError(number, os.strerror(number), "runs/caf\udce9.csv")

    monkeypatch.setitem(command_line.agerepro_command.commands, "fail", fail)
    monkeypatch.setattr(sys, "argv", ["agerepro", "fail"])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and os.strerror(number) in error and r"runs/caf\udce9.csv" in error


def test_a_user_without_a_home_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.delenv("HOME", raising=False)
    command_line._prepare_process()
    assert Path(os.environ["HOME"]).is_dir()


def test_the_next_command_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    say_next("report", Path("my runs/a"), "--set", "optimizer={adam: 0.1}")
    assert capsys.readouterr().err == "Next: agerepro report 'my runs/a' --set 'optimizer={adam: 0.1}'\n"
