from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.report.figures.confusion import draw_confusion
from agerepro.report.figures.cumulative_score import draw_cumulative_score
from agerepro.report.figures.error_by_age import draw_error_by_age
from agerepro.report.figures.predicted_against_true import draw_predicted_against_true
from agerepro.report.figures.style import Caption, crowd, figure

CAPTION = Caption("vgg16-faces2", "demo", "leave one person out, 12 folds", "demo: synthetic faces")
BANNER_RED = np.array([0xA3, 0x3C, 0x00])


def draw_all(run, caption, folder):
    runs = {"vgg16-faces2": run.predictions}
    return (
        draw_predicted_against_true(run.predictions, caption, folder)
        + draw_cumulative_score(runs, caption, folder)
        + draw_error_by_age(runs, caption, folder)
    )


def test_each_figure_is_a_picture_a_print_and_its_numbers_equal_every_time(make_run, tmp_path):
    first, second = (draw_all(make_run(), CAPTION, tmp_path / name) for name in ("a", "b"))
    names = ["predicted-against-true", "cumulative-score", "error-by-age"]
    assert [path.name for path in first] == [f"{name}.{ending}" for name in names for ending in ("png", "pdf", "csv")]
    for one, other in zip(first, second):
        assert one.read_bytes() == other.read_bytes(), one.name
        assert b"CreationDate" not in one.read_bytes()
    for name in names:
        with Image.open(tmp_path / "a" / f"{name}.png") as picture:
            assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_banner_is_seen_on_the_picture_only_when_there_is_one(make_run, tmp_path):
    def seen(caption, folder):
        red, frame = [], make_run().predictions
        for path in draw_predicted_against_true(frame, caption, folder) + draw_cumulative_score({"a": frame}, caption, folder):
            if path.suffix == ".png":
                pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
                red.append(int((np.abs(pixels - BANNER_RED).max(axis=2) < 8).sum()))
        return red

    assert min(seen(CAPTION, tmp_path / "demo")) > 2000
    assert max(seen(Caption("r", "paper", "p"), tmp_path / "paper")) == 0


def test_caption_and_banner_are_text_of_the_figure():
    frame = pd.DataFrame({"seed": [0], "subject": ["a"]})
    with figure("Title", "Subtitle", CAPTION, frame, height=3) as (drawn, _):
        texts = [text.get_text() for text in drawn.texts]
    assert texts[0] == "demo: synthetic faces"
    assert texts[1].replace("\n", " ") == (
        "Run: vgg16-faces2. Profile: demo. Protocol: leave one person out, 12 folds. 1 photo of 1 person."
    )


def test_nothing_is_cut_off_at_the_edges(make_run, tmp_path):
    """A frame of three pixels stays white, also with many runs, long names and a long banner."""
    long = Caption(
        ", ".join(f"senet50-imdb-{i}" for i in range(7)),
        "demo, paper",
        "leave one person out, 82 folds; the same, 61 of 82 folds",
        "demo: synthetic faces; partial: 61 of 82 folds; not the paper's number in any way",
    )
    run = make_run()
    runs = {f"senet50-imdb-agedb-{i}": run.predictions for i in range(7)}
    paths = draw_cumulative_score(runs, long, tmp_path, guess=run.predictions) + draw_error_by_age(runs, long, tmp_path)
    paths += draw_predicted_against_true(run.predictions, long, tmp_path)
    for path in (path for path in paths if path.suffix == ".png"):
        pixels = np.asarray(Image.open(path).convert("L"))
        border = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()])
        assert (border == 255).all(), path.name


def test_the_numbers_beside_the_cumulative_score_are_the_shares(make_run, tmp_path):
    run = make_run()
    table = pd.read_csv(draw_cumulative_score({"a": run.predictions}, CAPTION, tmp_path, guess=run.predictions.assign(predicted=30.0))[2])
    errors = np.abs(run.predictions["predicted"] - run.predictions["age"])
    ours = table[table["run"] == "a"].set_index("within_years")["share"]
    for limit in (0.0, 2.5, 5.0, 15.0):
        assert ours[limit] == pytest.approx((errors <= limit).mean())
    assert set(table["run"]) == {"a", "mean-age predictor"}


def test_the_numbers_beside_error_by_age_are_the_bins(make_run, tmp_path):
    run = make_run()
    table = pd.read_csv(draw_error_by_age({"a": run.predictions, "b": run.predictions}, CAPTION, tmp_path)[2])
    first = table[(table["run"] == "a") & (table["first"] == 10)].iloc[0]
    inside = run.predictions[run.predictions["age"].between(10, 19)]
    assert first["photos"] == len(inside)
    assert first["mae"] == pytest.approx(np.abs(inside["predicted"] - inside["age"]).mean())
    assert set(table["run"]) == {"a", "b"}


def test_no_or_too_many_runs_are_refused(make_run, tmp_path):
    frame = make_run().predictions
    for draw in (draw_cumulative_score, draw_error_by_age):
        for runs in ({}, {str(i): frame for i in range(8)}):
            with pytest.raises(UserError, match="holds 1 to 7 runs"):
                draw(runs, CAPTION, tmp_path)


def test_crowd_counts_photos_people_and_seeds(make_run):
    one, two = make_run().predictions, make_run(seeds=2).predictions
    photos = len(one)
    assert crowd(one) == f"{photos} photos of 12 people"
    assert crowd(two) == f"{photos} photos of 12 people, 2 seeds each"
    assert crowd(one, two) == f"{photos} photos of 12 people, up to 2 seeds each"
    assert crowd(one.assign(subject="")) == f"{photos} photos"


def test_the_confusion_matrix_draws_its_counts(make_group_run, tmp_path):
    run = make_group_run()
    first, second = (draw_confusion(run.predictions, run.groups, CAPTION, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["confusion.png", "confusion.pdf", "confusion.csv"]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    table = pd.read_csv(first[2])
    assert table["photos"].sum() == 150
    cell = table[(table["group"] == "15-20") & (table["predicted_group"] == "25-100")].iloc[0]
    of_group = run.predictions[run.predictions["group"] == "15-20"]
    assert cell["photos"] == (of_group["predicted_group"] == "25-100").sum()
    assert cell["share_of_group"] == pytest.approx((of_group["predicted_group"] == "25-100").mean())
    with Image.open(first[0]) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert (np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()]) == 255).all()


def test_figures_of_ages_refuse_groups_and_the_other_way_round(make_run, make_group_run, tmp_path):
    groups, ages = make_group_run(), make_run()
    with pytest.raises(UserError, match="predicts ages"):
        draw_confusion(ages.predictions, ("0-12", "15-20"), CAPTION, tmp_path)
    with pytest.raises(UserError, match="tells age groups apart"):
        draw_predicted_against_true(groups.predictions, CAPTION, tmp_path)
    for draw in (draw_cumulative_score, draw_error_by_age):
        with pytest.raises(UserError, match="tells age groups apart"):
            draw({"a": groups.predictions}, CAPTION, tmp_path)
