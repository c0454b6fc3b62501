"""Experiments: what a YAML file may say, and how it is read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "loading": ["PAPER", "experiment_to_dict", "profiles_of", "read_experiment"],
        "schema": [
            "Age",
            "AgeGroups",
            "AgeRange",
            "Augment",
            "Backbone",
            "Classification",
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
            "RandomParts",
            "RandomSplit",
            "Regression",
            "RegressionStage",
            "Ridge",
            "Stage",
            "SubjectKFold",
        ],
    },
)
