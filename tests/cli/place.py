"""An experiment whose steps are done by hand, without any training: for what asks which of them are done."""

from __future__ import annotations

import json
from pathlib import Path

import click.testing
import numpy as np
from click.testing import CliRunner

from agerepro.cli.main import agerepro_command
from agerepro.io import write_folder, write_json
from agerepro.runs.local import describe_run
from agerepro.runs.plan import Plan, RunOptions, make_plan
from tests.faces.rectangles import draw

EXPERIMENT = """
faces:    {size: 32, margin: 0.0}
augment:  {size: 32}
backbone: {name: vgg16, width: 0.0625, dense: [16]}
machine:  {threads: 1}
stages:
  - {name: base, data: fgnet, start_from: scratch, split: {random: 0.2}, epochs: 1, batch_size: 8, optimizer: {adam: 0.001}}
  - {name: last, data: own, start_from: base, protocol: {image_kfold: 3}, epochs: 1, batch_size: 8, optimizer: {adam: 0.001}}
"""


class Silent:
    """A Reporter that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def count(self, what: str, done: int, total: int) -> None:
        pass

    def epoch(self, *arguments: object, **more: object) -> None:
        pass


class Place:
    """An experiment of one shared stage and three folds, its photos, and its steps done by hand, without any training."""

    def __init__(self, folder: Path) -> None:
        self.experiment, self.data, self.runs = folder / "mine" / "last.yaml", folder / "data", folder / "runs"
        self.experiment.parent.mkdir()
        self.experiment.write_text(EXPERIMENT)
        for number in range(6):
            draw(self.data / "fgnet" / f"001A{number:02d}.JPG", (20 + number, 30, 60 + number, 70))
            draw(self.data / "own" / f"{number}.png", (20, 30 + number, 60, 70 + number))
        (self.data / "own" / "faces.csv").write_text("file,age\n" + "".join(f"{number}.png,{20 + number}\n" for number in range(6)))

    def plan(self) -> Plan:
        return make_plan(RunOptions(self.experiment, data=self.data, runs=self.runs))

    def arguments(self, *more: object) -> list[object]:
        return [self.experiment, *more, "--data", self.data, "--runs", self.runs]

    def states(self) -> dict[str, str]:
        result = invoke("plan", *self.arguments("--json"))
        steps = json.loads(result.stdout)["steps"]
        assert result.exit_code == (0 if all(step["state"] == "done" for step in steps) else 1)
        return {step["name"]: step["state"] for step in steps}

    def prepare(self) -> None:
        for faces in self.plan().prepared.values():
            faces.prepare(on_progress=lambda *_: None)

    def train(self) -> Path:
        plan = self.plan()
        stage = plan.checkpoint(plan.experiment.stage("base"), 0)
        assert stage is not None

        def write(place: Path) -> None:
            np.savez(place / "final.weights.npz", a=np.zeros(8))
            write_json(place / "settings.json", {"stage": {"name": "base", "epochs": 1}, "start": "scratch"})

        write_folder(stage.folder, write, made_by=stage.digest)
        return stage.folder

    def fold(self, number: int, made_by: str | None = None) -> Path:
        plan = self.plan()
        folder = describe_run(plan, Silent()).fold_folder(0, number)
        write_folder(
            folder, lambda place: np.savez(place / "weights.npz", a=np.ones(8)), made_by=made_by or str(plan.digest(plan.target, 0))
        )
        return folder


def invoke(*arguments: object) -> click.testing.Result:
    return CliRunner().invoke(agerepro_command, [str(argument) for argument in arguments])
