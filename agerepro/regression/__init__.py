"""Ages by regression on exported features of a network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "automl": ["AutoSklearnFit", "find_interpreter", "fit_fold"],
    },
)
