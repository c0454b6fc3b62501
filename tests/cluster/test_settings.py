"""cluster.yaml: the example names every key with its default, and what is wrong is told with line and near name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from agerepro.cluster.settings import FOLD, ClusterSettings, Resources, example, read_cluster, seconds_of
from agerepro.errors import UserError


def written(folder: Path, text: str) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_names_every_key_and_says_the_defaults(tmp_path: Path) -> None:
    assert read_cluster(written(tmp_path, example())) == ClusterSettings()
    for field in fields(ClusterSettings):
        assert f"\n{field.name}:" in example() or f"\n# {field.name}:" in example(), field.name
    assert {field.name for field in fields(Resources)} <= set(example().replace(":", " ").replace("`", " ").replace("{", " ").split())


def test_a_kind_of_job_keeps_what_a_file_leaves_out(tmp_path: Path) -> None:
    settings = read_cluster(written(tmp_path, 'partition: short\nfold: {time: "0:30:00", options: [--nice]}\ncollect: {partition: long}'))
    fold, collect = settings.of("fold"), settings.of("collect")
    assert (fold.time, fold.cpus, fold.memory, fold.partition) == ("0:30:00", FOLD.cpus, FOLD.memory, "short")
    assert fold.options == ("--gres=gpu:1", "--nice")  # a GPU, as the site is asked for it
    assert (collect.partition, collect.options) == ("long", ())


def test_a_site_asks_for_gpus_in_its_own_words(tmp_path: Path) -> None:
    settings = read_cluster(written(tmp_path, 'gpu_option: "--gpus=a100:{gpus}"\ntrain: {gpus: 2}'))
    assert settings.of("train").options == ("--gpus=a100:2",) and settings.of("prepare").options == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fold:\n  cpu: 3", r"yaml:2: unknown key 'fold.cpu'. Did you mean 'cpus'"),
        ("\npartitio: gpu", r"yaml:2: unknown key 'partitio'. Did you mean 'partition'"),
        ("train: {time: 12:00:00}", "quotation marks"),  # YAML takes it for 43200
        ('train: {time: "two days"}', "hours:minutes:seconds"),
        ("fold: {memory: 3Q}", "32G"),
        ("folds_per_task: 0", "folds_per_task"),
        ('options: ["--a\\n--b"]', "one line"),
        ("environment: {A B: x}", "environment"),
        ('fold: {time: "3:30"}\nlead: 200', "longer than `lead`"),
        ("- x", "key: value"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_cluster(written(tmp_path, text))


@pytest.mark.parametrize(
    ("time", "seconds"), [("5", 300), ("2:30", 150), ("1:00:01", 3601), ("1-0", 86_400), ("1-2:30", 95_400), ("2-00:00:05", 172_805)]
)
def test_times_are_read_as_sbatch_reads_them(time: str, seconds: int) -> None:
    assert seconds_of(time) == seconds


def test_a_missing_file_is_no_experiment(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no cluster file"):
        read_cluster(tmp_path / "cluster.yaml")
