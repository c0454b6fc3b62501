"""Errors that a user can mend, and how near names are suggested in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What happened, where, and what to do, in one or two sentences; the command line prints it and exits with `exit_code`."""

    exit_code = 2


class CheckFailed(UserError):
    """A check that ran and found something missing or different: exit code 1."""

    exit_code = 1


class Interrupted(UserError):
    """The process was asked to stop (SIGTERM, SIGUSR1), has saved what it had, and can be started again: exit code 75."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


class NoGpuWarning(UserWarning):
    """TensorFlow computes on the CPU where a GPU might be expected; the command line prints it as one line."""


def suggest(name: str, allowed: Iterable[str]) -> str:
    """Text that ends an error about a wrong name: the nearest allowed name if one is near, then all of them."""
    allowed = sorted(allowed)
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Allowed: {', '.join(allowed)}."
