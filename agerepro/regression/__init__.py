"""Regressions from features to years, one a fold: engines of this environment, and auto-sklearn in one of its own."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "automl": ["AutoSklearnFit", "find_interpreter", "fit_fold"],
        "engines": ["Fit", "FitFailed", "fit_engine"],
        "exchange": ["Exchange", "read_exchange", "write_exchange"],
    },
)
