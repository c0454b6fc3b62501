"""`agerepro data`: exit codes, pictures and JSON of audit; what verify and synthesize print for odd paths."""

from __future__ import annotations

import json
import os
import shlex

import pytest
from click.testing import CliRunner

from agerepro.cli.main import agerepro_command
from agerepro.errors import UserError


def data(*arguments: object):
    return CliRunner().invoke(agerepro_command, ["data", *map(str, arguments)])


def audit(*arguments: object):
    return data("audit", *arguments)


@pytest.fixture
def split(tmp_path):
    def write(*lines: str):
        path = tmp_path / "split.csv"
        path.write_text("\n".join(["photo,subject,split", *lines]), encoding="utf-8")
        return path

    return write


def test_clean_is_0_and_wanting_is_1(split):
    result = audit(split("a.jpg,ann,train", "b.jpg,bob,test"))
    assert result.exit_code == 0 and "Clean" in result.stdout
    result = audit(split("a.jpg,ann,train", "b.jpg,ann,test"))
    assert result.exit_code == 1 and "1 person on both sides of train and test" in result.stdout


def test_usage_is_2(split, tmp_path):
    assert audit().exit_code == 2
    for arguments in ([tmp_path / "none.csv"], [split("a,b,train"), "--subject", "who"], [split("a,b,train"), "--images", tmp_path / "no"]):
        error = audit(*arguments).exception
        assert isinstance(error, UserError) and error.exit_code == 2


def test_pictures_that_cannot_be_read_are_found_wanting(split, tmp_path):
    path = split("a.jpg,ann,train", "b.jpg,bob,test")
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    result = audit(path, "--images", tmp_path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["unreadable"] == {"a.jpg": "not a picture", "b.jpg": "No such file or directory"}


def test_verify_prints_names_of_any_bytes_and_concludes(tmp_path):
    root = tmp_path / os.fsdecode(b"d\xe9")
    (root / "fgnet").mkdir(parents=True)
    for name in (b"001A02.JPG", b"caf\xe9.JPG"):
        (root / "fgnet" / os.fsdecode(name)).touch()
    result = data("verify", "fgnet", "--root", root)
    assert result.exit_code == 1 and r"caf\udce9.JPG" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("9 of 9 ")
    assert json.loads(data("verify", "fgnet", "--root", root, "--json").stdout)["skipped"][0]["path"] == r"caf\udce9.JPG"


def test_synthesize_names_a_next_command_that_can_be_pasted(tmp_path):
    root = tmp_path / "my data"
    result = data("synthesize", "fgnet", "--root", root, "--people", 1, "--size", 64)
    assert result.exit_code == 0 and str(root / "fgnet") in result.stdout.splitlines()
    command = next(line for line in result.stderr.splitlines() if line.startswith("Next: ")).removeprefix("Next: ")
    assert shlex.split(command) == ["agerepro", "data", "verify", "fgnet", "--root", str(root)]


def test_verify_takes_the_options_of_a_reader(tmp_path):
    root = tmp_path / "morph" / "Album2"
    root.mkdir(parents=True)
    for name in ("000001_0M20.JPG", "000001_1F20.JPG", "000002_0M30.JPG"):
        (root / name).touch()
    kept, dropped = (
        data("verify", "morph", "--root", tmp_path, "--json", *more) for more in ((), ("--reading", "inconsistent_people=drop"))
    )
    images = [next(row["ours"] for row in json.loads(said.stdout)["rows"] if row["what"] == "images") for said in (kept, dropped)]
    assert images == [3, 1] and (kept.exit_code, dropped.exit_code) == (1, 0)
    for arguments, words in (
        (("morph", "--root", tmp_path, "--reading", "inconsistent=drop"), "Did you mean 'inconsistent_people'"),
        (("morph", "--root", tmp_path, "--reading", "drop"), "is no OPTION=VALUE"),
        (("fgnet", "--root", tmp_path, "--reading", "pictures=whole"), "fgnet has no options"),
        ((tmp_path, "--reading", "pictures=whole"), "published data sets"),
    ):
        with pytest.raises(UserError, match=words):
            raise data("verify", *arguments).exception
