"""The command line: one command a file, user errors as one message without a traceback, exit codes 0, 1 and 2."""

from __future__ import annotations

import sys

import click

import agerepro
from agerepro.cli.audit_papers import audit_papers
from agerepro.cli.data import align, data
from agerepro.cli.doctor import doctor
from agerepro.cli.explain import explain
from agerepro.cli.grid import grid
from agerepro.cli.predict import export, predict
from agerepro.cli.report import report, table
from agerepro.cli.run import run, status
from agerepro.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(agerepro.__version__, prog_name="agerepro")
def agerepro_command() -> None:
    """Facial age estimation: the experiments of five papers, reproduced with Keras 3 and TensorFlow.

    Results go to standard output, progress to standard error. Exit codes: 0 fine, 1 found wanting, 2 usage or user error.
    """


for command in (run, status, table, report, grid, explain, predict, export, data, align, audit_papers, doctor):
    agerepro_command.add_command(command)


def main() -> None:
    """Run the command line of this process."""
    try:
        agerepro_command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("Stopped. The same command continues where it was.", err=True)
        sys.exit(130)
    except UserError as error:
        click.echo(f"agerepro: {error}", err=True)
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
