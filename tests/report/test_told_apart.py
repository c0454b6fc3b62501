"""Runs of one experiment under names of their own, and the table that needs them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agerepro.errors import UserError
from agerepro.report.results import write_results
from agerepro.report.told_apart import told_apart


def test_what_was_changed_becomes_part_of_the_name(make_run, tmp_path):
    usual = make_run("vgg16-imdb", row=None)
    other = replace(
        make_run("vgg16-imdb", error=2, row=None), changed=("stages.fgnet.batch=32", "backbone.frozen_batch_norm=batch_statistics")
    )
    third = make_run("other", row=None)
    named = told_apart([usual, other, third])
    assert [run.experiment for run in named] == ["vgg16-imdb", "vgg16-imdb, batch=32, frozen_batch_norm=batch_statistics", "other"]
    assert [run.experiment for run in told_apart([other, third])] == ["vgg16-imdb", "other"]  # alone, the banner says it
    (table, *_) = write_results(named[:2], tmp_path)
    text = " ".join(table.read_text().split())
    assert "batch=32, frozen_batch_norm=batch_statistics against vgg16-imdb: mean difference over" in text


def test_the_same_twice_stays_an_error(make_run, tmp_path):
    both = told_apart([make_run("vgg16-imdb", row=None), make_run("vgg16-imdb", error=2, row=None)])
    with pytest.raises(UserError, match="Name each run once"):
        write_results(both, tmp_path)
