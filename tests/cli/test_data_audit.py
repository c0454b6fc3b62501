"""`agerepro data audit`: exit codes, pictures, JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from agerepro.cli.main import agerepro_command
from agerepro.errors import UserError


def audit(*arguments: object):
    return CliRunner().invoke(agerepro_command, ["data", "audit", *map(str, arguments)])


@pytest.fixture
def split(tmp_path):
    def write(*lines: str):
        path = tmp_path / "split.csv"
        path.write_text("\n".join(["photo,subject,split", *lines]), encoding="utf-8")
        return path

    return write


def test_clean_is_0_and_wanting_is_1(split):
    done = audit(split("a.jpg,ann,train", "b.jpg,bob,test"))
    assert done.exit_code == 0 and "Clean" in done.stdout
    done = audit(split("a.jpg,ann,train", "b.jpg,ann,test"))
    assert done.exit_code == 1 and "1 person on both sides of train and test" in done.stdout


def test_usage_is_2(split, tmp_path):
    assert audit().exit_code == 2
    for arguments in ([tmp_path / "none.csv"], [split("a,b,train"), "--subject", "who"], [split("a,b,train"), "--images", tmp_path / "no"]):
        error = audit(*arguments).exception
        assert isinstance(error, UserError) and error.exit_code == 2


def test_pictures_that_cannot_be_read_are_found_wanting(split, tmp_path):
    path = split("a.jpg,ann,train", "b.jpg,bob,test")
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    done = audit(path, "--images", tmp_path, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["unreadable"] == {"a.jpg": "not a picture", "b.jpg": "No such file or directory"}
