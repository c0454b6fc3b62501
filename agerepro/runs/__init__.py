"""Runs: where they lie, how they are checked beforehand, done here, described, and their networks loaded again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "layout": ["Run", "disclaimer", "find_run", "run_status"],
        "grid": ["GridOptions", "GridResult", "run_grid"],
        "local": ["FoldsFailed", "run_experiments", "run_step"],
        "model": ["RunModel", "load_run_model"],
        "plan": ["Plan", "RunOptions", "Step", "make_plan"],
        "preflight": ["check_before_start"],
        "sweep": ["Sweep", "options_of", "run_of", "sweeps_of"],
    },
)
