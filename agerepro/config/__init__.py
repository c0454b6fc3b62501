"""Experiments: what a YAML file may say, and how it is read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "loading": ["PAPER", "experiment_to_dict", "profiles_of", "read_experiment"],
        "schema": [
            "Adam",
            "Age",
            "AgeGroups",
            "AgeRange",
            "Augment",
            "Backbone",
            "Classification",
            "Constant",
            "Cosine",
            "Experiment",
            "Faces",
            "FixedTestSubjects",
            "GroupSplit",
            "Identity",
            "ImageKFold",
            "LeaveOneSubjectOut",
            "OfficialLists",
            "OwnData",
            "Plateau",
            "PredefinedFolds",
            "RMSprop",
            "RandomParts",
            "RandomSplit",
            "Regression",
            "RegressionStage",
            "Ridge",
            "SGD",
            "Stage",
            "Steps",
            "SubjectKFold",
        ],
    },
)
