"""A protocol in words, for captions and model cards."""

from __future__ import annotations

from agerepro.experiment.schema import KFold, LeaveOnePersonOut, NamedPeople, OfficialFolds, Protocol


def protocol_in_words(protocol: Protocol | None) -> str:
    """How the target was divided, and how many people choose the learning rate in a fold. ValueError where there is no protocol."""
    if isinstance(protocol, LeaveOnePersonOut):
        words = "leave-one-person-out"
    elif isinstance(protocol, KFold):
        words = f"{protocol.folds}-fold, people apart"
    elif isinstance(protocol, OfficialFolds):
        words = "the authors' folds, people apart"
    elif isinstance(protocol, NamedPeople):
        words = f"people {', '.join(protocol.people)} tested together"
    else:
        raise ValueError(f"No words for {protocol}.")
    inner = f", {protocol.validation_people:.0%} of the others validate" if protocol.validation_people else ""
    return words + inner
