"""Protocols as captions tell them."""

from __future__ import annotations

import pytest

from agerepro.experiment.schema import KFold, LeaveOnePersonOut, NamedPeople, OfficialFolds, Protocol
from agerepro.protocols.words import protocol_in_words


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (KFold(folds=5, validation_people=0.1), "5-fold, people apart, 10% of the others validate"),
        (LeaveOnePersonOut(validation_people=0), "leave-one-person-out"),
        (OfficialFolds(validation_people=0.25), "the authors' folds, people apart, 25% of the others validate"),
        (NamedPeople(people=("002", "003"), validation_people=0), "people 002, 003 tested together"),
    ],
)
def test_every_protocol_has_words(protocol: Protocol, words: str) -> None:
    assert protocol_in_words(protocol) == words


def test_no_protocol_has_none() -> None:
    with pytest.raises(ValueError, match="No words"):
        protocol_in_words(None)
