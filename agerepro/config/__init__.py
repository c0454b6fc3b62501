"""Experiments: what a YAML file may say, and how it is read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "divisions": [
            "FixedTestSubjects",
            "GroupSplit",
            "ImageKFold",
            "LeaveOneSubjectOut",
            "OfficialLists",
            "PredefinedFolds",
            "RandomParts",
            "RandomSplit",
            "SubjectKFold",
        ],
        "learning": [
            "Adam",
            "Age",
            "AgeGroups",
            "AgeRange",
            "Classification",
            "Constant",
            "Cosine",
            "Identity",
            "Plateau",
            "RMSprop",
            "Regression",
            "SGD",
            "Steps",
        ],
        "loading": ["PAPER", "experiment_to_dict", "profiles_of", "read_experiment"],
        "schema": ["Augment", "Backbone", "Experiment", "Faces", "OwnData", "RegressionStage", "Ridge", "Stage"],
    },
)
