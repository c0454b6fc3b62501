"""Runs: where they lie, how they are checked beforehand, done here, described, and their networks loaded again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "layout": ["Run", "disclaimer", "find_run", "run_status"],
        "local": ["GridOptions", "GridResult", "RunOptions", "run_experiment", "run_experiments", "run_grid"],
        "model": ["RunModel", "load_run_model"],
        "preflight": ["check_before_start"],
        "provenance": ["code_revision"],
    },
)
