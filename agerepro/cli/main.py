"""The command line: one command a file, user errors as one message without a traceback, exit codes 0, 1 and 2."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import click

import agerepro
from agerepro.cli.audit_papers import audit_papers
from agerepro.cli.data import align, data
from agerepro.cli.doctor import doctor
from agerepro.cli.explain import explain
from agerepro.cli.features import features, regress
from agerepro.cli.grid import grid
from agerepro.cli.predict import export, predict
from agerepro.cli.report import report, table
from agerepro.cli.run import plan, run, status, step, verify
from agerepro.cli.submit import collect, submit
from agerepro.cli.sweep import sweep
from agerepro.errors import NoGpuWarning, UserError
from agerepro.io import LocksRefusedWarning, printable

TRACEBACK = "AGEREPRO_TRACEBACK"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(agerepro.__version__, prog_name="agerepro")
def agerepro_command() -> None:
    """Facial age estimation: the experiments of five papers, reproduced with Keras 3 and TensorFlow.

    Results go to standard output, progress to standard error. Exit codes: 0 fine, 1 found wanting, 2 usage or user error,
    75 stopped by a signal and saved.
    """


for command in (
    run,
    submit,
    plan,
    step,
    status,
    collect,
    verify,
    table,
    report,
    grid,
    sweep,
    explain,
    predict,
    export,
    features,
    regress,
    data,
    align,
    audit_papers,
    doctor,
):
    agerepro_command.add_command(command)


def main() -> None:
    """Run the command line of this process."""
    _prepare_process()
    try:
        agerepro_command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("Stopped. The same command continues from what was last saved.", err=True)
        sys.exit(130)
    except UserError as error:
        click.echo(f"agerepro: {printable(str(error))}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("agerepro"):
            raise
        click.echo(
            f"agerepro: the package {error.name} is missing; only the light core is installed. Run `make setup`, or pip install "
            "'agerepro[cpu]' (with a GPU: 'agerepro[cuda]').",
            err=True,
        )
        sys.exit(2)
    except BrokenPipeError:
        # The reader (`head`, say) has enough; Python would complain once more when it flushes.
        sys.stdout = None
        sys.exit(0)
    except OSError as error:
        try:
            sys.stdout.flush()
        except OSError:  # it is the output itself that is full: Python would complain once more when it ends
            sys.stdout = None
        if error.errno is None or TRACEBACK in os.environ:  # not the operating system's no, or somebody wants to know where
            raise
        place = printable(str(error.filename)) if error.filename else "A file"
        click.echo(
            f"agerepro: {place} cannot be read or written: {error.strerror}. When that is mended, the same command continues. "
            f"(With {TRACEBACK}=1 set, a traceback says where it happened.)",
            err=True,
        )
        sys.exit(2)


def _prepare_process() -> None:
    """What the outside may lack: a home, an output that takes every character; and how warnings of ours look."""
    try:
        Path.home()
    except RuntimeError:  # no HOME, and a user whom the system does not know, as in a container
        os.environ["HOME"] = tempfile.gettempdir()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.simplefilter("always", LocksRefusedWarning)  # it comes once a process
    show = warnings.showwarning

    def plainly(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, (LocksRefusedWarning, NoGpuWarning)):
            click.echo(f"agerepro: {message}", err=True)
        else:
            show(message, category, *place, **more)

    warnings.showwarning = plainly
