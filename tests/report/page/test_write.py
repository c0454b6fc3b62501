"""The whole page of made-up runs: what stands on it, what may not, and that equal runs give equal bytes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agerepro.errors import CheckFailed, UserError
from agerepro.report.loading import load_run
from agerepro.report.page.write import write_page

HOSTILE = "</script><script>alert(1)</script>"
VOID = {"meta", "link", "input", "br", "img", "wbr"}


class Outline(HTMLParser):
    """Elements of a page, and those that were closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def write(*folders: Path, out: Path | None = None, faces: str = "as licensed", partial: bool = False) -> Path:
    return write_page([load_run(folder, partial=partial) for folder in folders], out, faces=faces)


def page_of(*folders: Path, faces: str = "as licensed", partial: bool = False) -> str:
    return write(*folders, faces=faces, partial=partial).read_text(encoding="utf-8")


def data_in(page: str) -> dict:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(block)


def outline_of(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    return outline


def test_the_page_of_one_run_lies_in_its_results_and_has_every_part(make_folder, add_maps):
    made = make_folder()
    add_maps(made)
    path = write(made.folder)
    assert path == made.folder / "results" / "report.html"
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    for part in (
        "demo: synthetic faces",
        "MAE (macro), years",
        "Which epoch is reported",
        "Errors by age, children first",
        "Error by gender",
    ):
        assert part in page
    digest = json.loads((made.folder / "provenance.json").read_text())["data"]["fgnet"]["digest"]
    for part in ("No leak found.", "Data funnel", "age known", "skipped while reading", "experiment.yaml", digest, "batch_size:"):
        assert part in page
    assert "&#39;vgg16 faces2.yaml&#39;" in page
    for part in (
        "fgnet, 6 folds",
        "Cumulative score",
        "Errors of the folds",
        "grad_cam of the expected age at conv5_3.",
        "31.2%",
        "[2.00, 3.00]",
        "The maps &lt;lean&gt; to",
    ):
        assert part in page


def test_the_page_is_well_formed_and_its_ids_and_links_are_whole(make_folder):
    outline = outline_of(page_of(make_folder().folder))
    assert outline.wrong == [] and outline.open == []
    ids = [attributes["id"] for _, attributes in outline.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in outline.found if tag == "a"]
    assert links and all(link.startswith("#") and link[1:] in ids for link in links)


def test_nothing_on_the_page_comes_from_elsewhere(make_folder, add_maps):
    made = make_folder()
    add_maps(made)
    page = page_of(made.folder)
    sources = [attributes.get("src") or attributes.get("href") for _, attributes in outline_of(page).found]
    assert all(source.startswith(("#", "data:")) for source in sources if source)
    assert "default-src 'none'" in page and "@import" not in page and "url(" not in page and "fetch(" not in page


def test_every_table_has_a_caption_and_scopes_and_every_chart_an_alternative_text(make_folder):
    found = outline_of(page_of(make_folder().folder)).found
    tags = [tag for tag, _ in found]
    assert tags.count("table") == tags.count("caption") >= 6
    assert all("scope" in attributes for tag, attributes in found if tag == "th")
    charts = [attributes for tag, attributes in found if tag == "svg"]
    assert len(charts) >= 4 and all(chart["role"] == "img" and len(chart["aria-label"]) > 20 for chart in charts)


def test_names_are_text_wherever_they_stand(make_folder):
    made = make_folder(name="vgg16-<b>faces2")
    page = page_of(made.folder)
    assert HOSTILE not in page and "<script>alert" not in page and "<b>faces2" not in page
    assert data_in(page)["runs"][0]["folds"]["name"][0] == HOSTILE
    assert "vgg16-&lt;b&gt;faces2" in page


def test_equal_runs_give_equal_bytes(make_folder, add_maps, tmp_path):
    made = make_folder()
    add_maps(made)
    first, second = (write(made.folder, out=tmp_path / name, faces="in").read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_drawn_faces_are_in_and_those_of_a_licensed_set_are_out_until_they_are_asked_for(make_folder):
    drawn = make_folder()
    count = len(drawn.photos)
    assert len(data_in(page_of(drawn.folder))["faces"][0]) == count
    assert data_in(page_of(drawn.folder, faces="out"))["faces"] == []
    real = make_folder(name="real", synthetic=())
    page = page_of(real.folder)
    assert data_in(page)["faces"] == [] and "image/webp;base64" not in page
    assert "--faces puts them in" in page and "For research" in page
    asked = page_of(real.folder, faces="in")
    assert len(data_in(asked)["faces"][0]) == count and "do not pass it on" in asked


def test_a_run_whose_face_store_is_gone_says_so(make_folder):
    made = make_folder()
    for file in (made.folder.parents[2] / "faces").rglob("faces.csv"):
        file.unlink()
    assert "The faces are not here" in page_of(made.folder)


def test_several_runs_share_a_page_and_their_faces(make_folder):
    first, second = make_folder(), make_folder(name="other", error=12.0, seed=0)
    path = write(first.folder, second.folder)
    assert path.parent.parent == first.folder.parents[1] and path.parent.name.startswith("results-demo-")
    page = path.read_text(encoding="utf-8")
    data = data_in(page)
    assert [run["label"] for run in data["runs"]] == ["vgg16-faces2", "other"]
    assert len(data["faces"]) == 1 and [run["faces"] for run in data["runs"]] == [0, 0]
    assert "2 runs, tested on" in page and "vgg16-faces2 and other" in page


def test_without_maps_the_page_says_how_to_make_them(make_folder):
    assert "<code>agerepro explain RUN</code>" in page_of(make_folder().folder)


def test_a_leak_is_found_when_the_page_is_written(make_folder):
    made = make_folder()
    folds = made.folder / "folds.csv"
    text = folds.read_text(encoding="utf-8")
    # Person 003 is tested in fold 2; one of the photos is now trained on there as well.
    assert "2,fgnet/003A00.JPG,test" in text
    folds.write_text(text.replace("2,fgnet/003A00.JPG,test", "2,fgnet/003A00.JPG,train"), encoding="utf-8")
    page = page_of(made.folder)
    assert "1 leak found." in page and "Fold 2: person 003" in page and "No leak found" not in page


def test_a_missing_fold_needs_partial_and_is_said(make_folder):
    made = make_folder()
    (made.folder / "folds" / "004" / "manifest.json").unlink()
    with pytest.raises(CheckFailed, match="5 of 6 folds"):
        page_of(made.folder)
    assert "partial: 5 of 6 folds" in page_of(made.folder, partial=True)


def test_the_same_run_twice_is_refused(make_folder):
    made = make_folder()
    with pytest.raises(UserError, match=r"both named vgg16-faces2 \(demo\)"):
        page_of(made.folder, made.folder)


def test_a_page_that_cannot_be_written_asks_for_another_place(make_folder, tmp_path):
    made = make_folder()
    (made.folder / "results").write_text("not a folder")
    with pytest.raises(UserError, match=r"results/report.html.*--out") as error:
        write(made.folder)
    assert error.value.exit_code == 2
    assert write(made.folder, out=tmp_path / "elsewhere.html").is_file()
    with pytest.raises(UserError, match=r"results/page.html.*--out"):
        write(made.folder, out=made.folder / "results" / "page.html")


def test_maps_that_are_zero_everywhere_are_counted_on_the_page(make_folder, add_maps):
    made = make_folder()
    add_maps(made, empty=3)
    page = page_of(made.folder)
    assert "3 of them show no activation" in page and len(data_in(page)["runs"][0]["empty_maps"]) == 3


def test_a_partial_copy_stands_in_the_banner_and_no_difference_is_told(make_folder):
    made = make_folder(profile="paper", synthetic=(), shortfall="972 of 1,002 photos of fgnet")
    page = page_of(made.folder)
    assert "partial copy: 972 of 1,002 photos of fgnet" in page and "ours is" not in page
