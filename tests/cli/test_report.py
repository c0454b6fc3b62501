"""`agerepro table` and `agerepro report`: what they print, where the page goes, how often runs are read, and their exit codes."""

from __future__ import annotations

import collections

import pytest
from click.testing import CliRunner

from agerepro import io
from agerepro.cli.main import agerepro_command
from agerepro.errors import CheckFailed, UserError
from tests.report.run_folders import make_folder as make_folder
from tests.report.run_folders import make_folder_in as make_folder_in


def agerepro(*arguments: object):
    return CliRunner().invoke(agerepro_command, [str(argument) for argument in arguments])


@pytest.fixture
def without_figures(monkeypatch):
    """Plotting takes half a second a figure, and these tests look at none."""
    monkeypatch.setattr("agerepro.report.results.plot_figures", lambda runs, folder: [])
    monkeypatch.setattr("agerepro.report.write.plot_run", lambda run, folder: folder.mkdir(parents=True, exist_ok=True))
    monkeypatch.setattr("agerepro.report.write.plot_compared", lambda runs, folder, faces="": [])


@pytest.fixture
def choices(monkeypatch, tmp_path):
    """What the command asks for, without reading a run or writing a page."""
    calls = []
    page = tmp_path / "page.html"
    page.write_text("x" * 250_000, encoding="utf-8")

    def write_page(runs, out, **options):
        calls.append((runs, out, options))
        return page

    monkeypatch.setattr("agerepro.report.loading.load_run", lambda folder, *, partial: (folder, partial))
    monkeypatch.setattr("agerepro.report.write.write_figures", lambda runs, *, note, faces: None)
    monkeypatch.setattr("agerepro.report.page.write.write_page", write_page)
    return calls


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "koenig2019" / "vgg16-faces2" / "demo-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text("", encoding="utf-8")
    return folder


def test_report_prints_the_page_and_on_the_side_its_size(choices, run, tmp_path):
    result = agerepro("report", run.parent)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'page.html'}\n" and "0.2 MB" in result.stderr
    assert choices == [([(run, False)], None, {"faces": "as licensed"})]


@pytest.mark.parametrize(("flag", "choice"), [("--faces", "in"), ("--no-faces", "out")])
def test_faces_are_a_choice_of_three(choices, run, tmp_path, flag, choice):
    assert agerepro("report", run, flag, "--partial", "--out", tmp_path / "x.html").exit_code == 0
    assert choices == [([(run, True)], tmp_path / "x.html", {"faces": choice})]


def test_a_place_without_a_run_is_named(tmp_path):
    result = agerepro("report", tmp_path)
    assert isinstance(result.exception, UserError) and str(tmp_path) in str(result.exception)
    assert not isinstance(result.exception, CheckFailed)


@pytest.fixture
def read_only(make_folder):
    """A run in whose folder no results can be written: a file stands where they would go."""
    folder = make_folder().folder
    (folder / "results").write_text("not a folder")
    return folder


def test_a_read_only_run_prints_its_table_and_what_was_not_saved(read_only, without_figures):
    result = agerepro("table", read_only)
    assert result.exit_code == 0 and "MAE (macro)" in result.stdout
    assert str(read_only / "results") in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_page_of_a_read_only_run_goes_elsewhere(read_only, without_figures, tmp_path):
    page = tmp_path / "elsewhere" / "page.html"
    result = agerepro("report", read_only, "--out", page)
    assert result.exit_code == 0 and result.stdout == f"{page}\n" and page.is_file()
    assert str(read_only / "results" / "figures") in result.stderr


def test_the_page_of_a_read_only_run_without_a_place_asks_for_one(read_only, without_figures):
    result = agerepro("report", read_only)
    assert isinstance(result.exception, UserError) and result.exception.exit_code == 2
    assert "--out" in str(result.exception) and str(read_only) in str(result.exception) and result.stdout == ""


@pytest.mark.parametrize("command", ["table", "report"])
@pytest.mark.parametrize("name", ["provenance.json", "experiment.yaml", "folds.csv", "photos.csv", "ages.csv"])
def test_an_emptied_file_is_named_with_what_to_do(make_folder, monkeypatch, command, name):
    monkeypatch.setattr("agerepro.report.results.plot_figures", lambda runs, folder: [])
    folder = make_folder().folder
    (folder / name).write_bytes(b"")
    result = agerepro(command, folder)
    assert isinstance(result.exception, UserError) and result.exception.exit_code == 2
    assert str(folder / name) in str(result.exception) and "`agerepro run`" in str(result.exception)


@pytest.mark.parametrize("command", ["table", "report"])
def test_a_file_of_a_fold_is_compared_with_its_checksum_once_and_weights_are_not_opened(make_folder, monkeypatch, without_figures, command):
    folders = [make_folder().folder, make_folder(name="other").folder]
    counts = collections.Counter()
    digest_of_file = io.digest_of_file

    def counted(path):
        counts[path] += 1
        return digest_of_file(path)

    for folder in folders:
        for fold in (folder / "folds").iterdir():
            (fold / "weights.npz").write_bytes(b"weights")
            io.write_manifest(fold, made_by="settings")
    monkeypatch.setattr(io, "digest_of_file", counted)
    assert agerepro(command, *folders).exit_code == 0
    of_folds = {path: count for path, count in counts.items() if path.parent.parent.name == "folds"}
    assert {path.parent for path in of_folds} == {fold for folder in folders for fold in (folder / "folds").iterdir()}
    assert set(of_folds.values()) == {1} and not [path for path in of_folds if path.name == "weights.npz"]


@pytest.mark.parametrize("command", ["table", "report"])
def test_a_partial_copy_is_printed_as_one(make_folder, without_figures, command):
    folder = make_folder(profile="paper", synthetic=(), shortfall="972 of 1,002 photos of fgnet").folder
    result = agerepro(command, folder, *(["--format", "csv"] if command == "table" else []))
    assert result.exit_code == 0
    text = result.stdout if command == "table" else (folder / "results" / "report.html").read_text(encoding="utf-8")
    assert "partial copy: 972 of 1,002 photos of fgnet" in text
