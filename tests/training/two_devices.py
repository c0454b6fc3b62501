"""A program: train the same on one device and on several logical ones of a CPU, in one process, and print what came out as JSON.

    python -m tests.training.two_devices vgg16|overflow|resnet50|dropout

TensorFlow makes logical devices before its first operation only: the process of other tests cannot have them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from agerepro import stopping
from agerepro.config.divisions import RandomSplit
from agerepro.config.learning import Adam, Age, Classification, CrossEntropy, Plateau
from agerepro.config.schema import Augment, Backbone, Machine, Stage
from agerepro.errors import Interrupted, UserError
from agerepro.faces.images import InMemoryImages
from agerepro.models.build import build_network
from agerepro.models.layers import BatchNorm, masks_of_device
from agerepro.tasks.task import AgeTask
from agerepro.training.augment import AugmentedFaces
from agerepro.training.checkpoint import TrainState
from agerepro.training.device import configure
from agerepro.training.loop import Diverged, Trainer, TrainResult
from agerepro.training.pipeline import Examples, epoch_order
from agerepro.training.replicas import data_parallel, scope_of

AGES = np.array([10.0, 20.0, 30.0, 40.0], np.float32)
TASK = AgeTask(Age(), Classification(), (CrossEntropy(),), AGES)
VALIDATION = np.arange(80, 96)
KEY = (0, "several")


class Problem:
    """Bright squares are old, dark ones young; no two photos weigh the same."""

    def __init__(
        self, network: str, *, devices: int, side: int = 32, batch: int = 16, precision: Any = "float32", dropout: float = 0.0
    ) -> None:
        rng = np.random.default_rng(0)
        self.targets = np.tile(AGES, 24)
        noise = rng.normal(0, 10, (96, side + 4, side + 4, 3))
        faces = np.clip(self.targets[:, None, None, None] * 5 + noise, 0, 255).astype(np.uint8)
        self.weights = rng.uniform(0.3, 1.7, 96).astype(np.float32)
        augment = Augment(rotate_degrees=10, shift=0.05, zoom_crop=0.1, size=side)
        self.source = AugmentedFaces(InMemoryImages(faces), [f"fgnet/{row}" for row in range(96)], augment, KEY)
        stage = Stage(
            name="several",
            data="fgnet",
            epochs=2,
            batch_size=batch,
            optimizer=Adam(learning_rate=0.003, backbone_lr_multiplier=0.5),
            start_from="scratch",
            split=RandomSplit(fraction=0.2),
            schedule=Plateau(1),
            checkpoint_selection="best_validation",
        )
        self.batch_losses: list[float] = []
        machine = Machine(threads=1, devices=devices, precision=precision)
        self.replicas = data_parallel(machine)
        with scope_of(self.replicas):
            dense = (8,) if network == "vgg16" else ()
            backbone = Backbone(name=network, width=0.0625, dense=dense, dropout=dropout)  # type: ignore[arg-type]
            full = build_network(backbone, Classification(), outputs={"logits": 4}, size=side, seed=3, precision=precision).full
        self.trainer = Trainer(full, stage, TASK, machine, threads=2, replicas=self.replicas)

    def examples(self, rows: np.ndarray) -> Examples:
        return Examples(self.source, rows, {"logits": self.targets[rows]}, self.weights[rows])

    def fit(self, rows: int, path: Path, on_batch: Callable[[str], object] = lambda progress: None) -> TrainResult:
        self.batch_losses = []

        def note(progress: str) -> None:
            total, count = (float(np.asarray(variable)) for variable in list(self.trainer.running_sums().values())[:2])
            self.batch_losses.append(total / count)
            on_batch(progress)

        return self.trainer.fit(
            self.examples(np.arange(rows)),
            self.examples(VALIDATION),
            rng_key=KEY,
            checkpoint=path,
            on_epoch=lambda log: None,
            on_batch=note,
        )

    def outcome(self, rows: int, folder: Path, on_batch: Callable[[str], object] = lambda progress: None) -> dict[str, Any]:
        """Losses by batch (means of the epoch so far) and by epoch, and the outputs for the validation rows."""
        result = self.fit(rows, folder / f"{len(self.replicas or [0])}-{rows}.npz", on_batch)
        outputs = self.trainer.outputs(self.source, VALIDATION)
        return {"batches": self.batch_losses, "history": list(result.history), "outputs": outputs["logits"].tolist()}


def same(state: TrainState, other: TrainState) -> bool:
    """Whether all values are equal to the bit."""
    pairs = [(state.model, other.model), (state.optimizer, other.optimizer)]
    return all(values.keys() == others.keys() and all(np.array_equal(values[k], others[k]) for k in values) for values, others in pairs)


def copies_agree(problem: Problem) -> bool:
    """Whether every device holds the same values, to the bit."""
    values = [[copy.numpy() for copy in variable.value.values] for variable in problem.trainer.model.variables]
    return all(np.array_equal(copy, copies[0]) for copies in values for copy in copies)


def stop_and_continue(problem: Problem, folder: Path) -> dict[str, bool]:
    """Stopped inside an epoch, at its end, and then never: whether the result is that of a training left alone."""
    whole = problem.fit(35, folder / "whole.npz")
    state = TrainState.of(problem.trainer.model)
    path, stops = folder / "stopped.npz", 0
    for place in ("epoch 1 of 2, batch 2 of 3", "epoch 1 of 2, batch 3 of 3"):
        try:
            problem.fit(35, path, lambda progress, place=place: stopping._received.append("SIGTERM") if progress == place else None)
        except Interrupted:
            stops += 1
        stopping._received.clear()
        problem.trainer.initial_state.assign_to(problem.trainer.model)  # nothing is left in memory
    resumed = problem.fit(35, path)
    return {
        "stopped": stops == 2,
        "history": resumed.history == whole.history,
        "state": same(state, TrainState.of(problem.trainer.model)),
    }


def say_difference(rows: int, one: dict[str, Any], two: dict[str, Any]) -> None:
    """A line for a reader: by how much two devices' losses differ from one's."""
    relative = np.abs(np.array(two["batches"]) / one["batches"] - 1)
    outputs = np.abs(np.array(two["outputs"]) - one["outputs"]).max()
    print(f"{rows} rows: loss of the first batch {relative[0]:.2g}, of any {relative.max():.2g} (relative); outputs {outputs:.2g}")


def vgg16(folder: Path) -> dict[str, Any]:
    """Without batch norm. 35 rows in batches of 16: the last has 3, two devices take 1 and 2; of 33, one device has none."""
    one, two = Problem("vgg16", devices=1), Problem("vgg16", devices=2)
    found: dict[str, Any] = {}
    for rows in (35, 33):
        alone, together = one.outcome(rows, folder), two.outcome(rows, folder)
        say_difference(rows, alone, together)
        found[str(rows)] = {"one": alone, "two": together, "agree": copies_agree(two)}
    found["stop"] = stop_and_continue(two, folder)
    two.weights[20] = np.inf
    try:
        two.fit(35, folder / "diverged.npz")
        found["diverged"] = ""
    except Diverged as error:
        found["diverged"] = str(error)
    try:
        data_parallel(Machine(devices=3))
        found["too many"] = ""
    except UserError as error:
        found["too many"] = str(error)
    everything = data_parallel(Machine(devices=0))
    found["all"] = len(everything) if everything else 1
    return found


def overflow(folder: Path) -> dict[str, Any]:
    """In half precision, with a photo whose gradients are infinite: which device has it, none may take the step."""
    found = {}
    for devices in (1, 2):
        problem = Problem("vgg16", devices=devices, precision="mixed_float16")
        # Of the second device; times the loss scale of 32768 it is no float32.
        problem.weights[epoch_order(16, rng_key=KEY, epoch=0)[-1]] = 1e35
        problem.trainer.stage = replace(problem.trainer.stage, epochs=1)
        problem.fit(16, folder / f"{devices}.npz")
        state = TrainState.of(problem.trainer.model)
        found[str(devices)] = {
            "unchanged": all(np.array_equal(value, problem.trainer.initial_state.model[path]) for path, value in state.model.items()),
            "scale": next(float(value) for path, value in state.optimizer.items() if path.endswith("dynamic_scale")),
        }
    return found


def resnet50(folder: Path) -> dict[str, Any]:
    """With batch norm, whose statistics are each device's own; in the last batch of 65 rows one device has none."""
    found: dict[str, Any] = {}
    for devices, name in ((1, "one"), (2, "two")):
        problem = Problem("resnet50", devices=devices, side=64, batch=32)
        norm = next(layer for layer in problem.trainer.model.layers if isinstance(layer, BatchNorm))
        averages: list[Any] = []

        def note(progress: str, norm: BatchNorm = norm, averages: list[Any] = averages) -> None:
            averages.append(
                [keras.ops.convert_to_numpy(norm.moving_mean).tolist(), keras.ops.convert_to_numpy(norm.moving_variance).tolist()]
            )

        found[name] = {**problem.outcome(65, folder, note), "averages": averages}
    say_difference(65, found["one"], found["two"])
    found["agree"] = copies_agree(problem)
    return found


def dropout(folder: Path) -> dict[str, Any]:
    """Masks are each device's own, and after a stop they go on where they were."""
    problem = Problem("vgg16", devices=2, dropout=0.5)
    layer, replicas = problem.trainer.model.get_layer("dropout1"), problem.replicas
    assert replicas is not None
    found = stop_and_continue(problem, folder) | {"agree": copies_agree(problem), "masks": int(np.asarray(layer.masks.state)[1])}

    @tf.function
    def masks() -> Any:
        def mask() -> tf.Tensor:
            with masks_of_device(tf.distribute.get_replica_context().replica_id_in_sync_group):
                return layer(tf.ones((1000, 8)), training=True)

        return replicas.strategy.experimental_local_results(replicas.strategy.run(mask))

    first, second = (mask.numpy() for mask in masks())
    return found | {"alike": float(np.mean(first == second)), "values": sorted({*first.ravel().tolist(), *second.ravel().tolist()})}


PROGRAMS = {"vgg16": vgg16, "overflow": overflow, "resnet50": resnet50, "dropout": dropout}

if __name__ == "__main__":
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    configure(Machine(threads=1))
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(PROGRAMS[sys.argv[1]](Path(place))))
