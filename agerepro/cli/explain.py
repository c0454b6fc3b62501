"""`agerepro explain`: where on the face a finished run looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from agerepro.cli.options import ANY, data_option, how_option, say_next

if TYPE_CHECKING:
    from agerepro.explain.maps import Kind


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=ANY, metavar="RUN...")
@how_option
@click.option(
    "--target",
    default=None,
    help="expected_age (of residuals the expected residual), predicted, or an age (default: expected_age; of age groups predicted).",
)
@click.option("--layer", default=None, help="Layer whose map is taken (default: the network's last map).")
@click.option("--photos", type=click.IntRange(min=0), default=0, help="Only so many tested photos, drawn by a seed (default 0: all).")
@click.option("--checks", type=click.IntRange(min=0), default=64, show_default=True, help="Photos that the sanity checks take; 0: none.")
@click.option("--faces/--no-faces", "faces", default=None, help="Show faces in figures (default: where the licence allows).")
@data_option
def explain(
    runs: tuple[Path, ...], how: str, target: str | None, layer: str | None, photos: int, checks: int, faces: bool | None, data: Path | None
) -> None:
    """Draw maps of every tested photo, and say how much of them lies on eyes, nose and other regions.

    Writes RUN/explain/<settings>/ and copies it to RUN/explain/, which holds the last one made. Several runs are also compared, in a
    folder beside them: the same faces by each network, before and after tuning to age. Folds that are done are not done again.

    \b
      agerepro explain runs/koenig2019/vgg16-faces2 runs/koenig2019/vgg16-imdb-agedb
      agerepro explain runs/congress/fine-tuned --how grad_cam --target predicted --photos 100
      agerepro explain runs/congress/chosen-inside --how sensitivity
    """
    import time

    from agerepro.cli.options import ProgressReporter, configure_from_run
    from agerepro.io import printable
    from agerepro.runs.layout import find_run
    from agerepro.training.device import suppress_stderr

    chosen = [find_run(place) for place in runs]
    for run in chosen:
        configure_from_run(run)
    with suppress_stderr():
        from agerepro.explain.run_maps import ExplainConfig, parse_target
        from agerepro.report.explanation import explain_runs
    from agerepro.report.loading import load_run

    config = ExplainConfig(cast("Kind", how), None if target is None else parse_target(target), layer, photos, checks)
    loaded = [load_run(run.folder, partial=True) for run in chosen]
    with ProgressReporter() as progress:
        text, folder = explain_runs(loaded, config, data=data, faces=faces, clock=time.perf_counter, on_progress=progress.count)
    click.echo(printable(f"{text}\nMaps, tables and figures: {folder}"))
    say_next("report", *(run.folder for run in chosen))
