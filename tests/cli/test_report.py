"""`agerepro report`: what it says, where the page goes, and its exit codes."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from agerepro.cli.main import agerepro_command
from agerepro.errors import CheckFailed, UserError


def report(*arguments: object):
    return CliRunner().invoke(agerepro_command, ["report", *(str(argument) for argument in arguments)])


@pytest.fixture
def wishes(monkeypatch, tmp_path):
    """What the command asks for, without drawing figures or writing a page."""
    from agerepro.report import loading
    from agerepro.report.page import write

    asked = []
    monkeypatch.setattr(loading, "figures_of", lambda folders, *, partial: None)

    def write_page(folders, out, **options):
        asked.append((folders, out, options))
        page = tmp_path / "page.html"
        page.write_text("x" * 250_000, encoding="utf-8")
        return page

    monkeypatch.setattr(write, "write_page", write_page)
    return asked


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "koenig2019" / "vgg16-faces2" / "demo-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text("", encoding="utf-8")
    return folder


def test_it_prints_the_page_and_on_the_side_its_size(wishes, run, tmp_path):
    done = report(run.parent)
    assert done.exit_code == 0
    assert done.stdout == f"{tmp_path / 'page.html'}\n" and done.stderr.startswith("0.2 MB. Next: ")
    assert wishes == [([run], None, {"partial": False, "faces": "as licensed"})]


@pytest.mark.parametrize(("flag", "wish"), [("--faces", "in"), ("--no-faces", "out")])
def test_faces_are_a_wish_with_three_values(wishes, run, tmp_path, flag, wish):
    assert report(run, flag, "--partial", "--out", tmp_path / "x.html").exit_code == 0
    assert wishes == [([run], tmp_path / "x.html", {"partial": True, "faces": wish})]


def test_a_place_without_a_run_is_said(tmp_path):
    done = report(tmp_path)
    assert isinstance(done.exception, UserError) and "holds no run" in str(done.exception)
    assert not isinstance(done.exception, CheckFailed)
