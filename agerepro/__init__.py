"""Facial age estimation: the experiments of five papers, reproduced with Keras 3 and TensorFlow."""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["config", "datasets", "evaluation", "explain", "faces", "models", "predict", "report", "splits", "tasks", "training"],
    submod_attrs={"api": ["FinishedRun", "load", "run"], "errors": ["CheckFailed", "UserError"]},
)
