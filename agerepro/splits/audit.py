"""The audit of a split as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from agerepro.splits.leakage import SplitAudit
from agerepro.splits.near_duplicates import ImageHashes, NearDuplicate

SHOWN = 5  # names and pairs in a line of text


def is_clean(audit: SplitAudit, pictures: ImageHashes | None = None, pairs: Sequence[NearDuplicate] = ()) -> bool:
    """Whether the table is clean and, where pictures were compared, all could be read and none are alike on two sides."""
    return audit.clean and not pairs and not (pictures and pictures.unreadable)


def as_text(audit: SplitAudit, pictures: ImageHashes | None = None, pairs: Sequence[NearDuplicate] = ()) -> str:
    """A table of parts, a line for each finding with its first names, and last whether the split is clean."""
    cells: list[tuple[str, ...]] = [("part", "rows", "photos", "people")]
    cells += [(_part(fold, part), *(f"{count:,}" for count in counts)) for (fold, part), counts in audit.parts.items()]
    wide = [max(len(line[i]) for line in cells) for i in range(4)]
    lines = [f"{a:<{wide[0]}}  {b:>{wide[1]}}  {c:>{wide[2]}}  {d:>{wide[3]}}" for a, b, c, d in cells]
    for shared in audit.shared:
        first, second = shared.parts
        if shared.what == "person":
            line = f"{_many(shared.names, 'person', 'people')} on both sides of {first} and {second}"
            line += f" (photos of theirs: {shared.photos[0]:,} in {first}, {shared.photos[1]:,} in {second})"
        else:
            line = f"{_many(shared.names, 'photo', 'photos')} in both {first} and {second}"
        lines.append(f"{_fold(shared.fold)}{line}: {_first(shared.names)}")
    for repeat in audit.repeated:
        lines.append(
            f"{_fold(repeat.fold)}{_many(repeat.names, 'photo', 'photos')} more than once in {repeat.part}: {_first(repeat.names)}"
        )
    if audit.nameless:
        lines.append(f"{_many(audit.nameless, 'photo', 'photos')} of unknown people, who may be on both sides: {_first(audit.nameless)}")
    if audit.partless:
        lines.append(f"{_many(audit.partless, 'photo', 'photos')} in no part, left out: {_first(audit.partless)}")
    if pictures is not None:
        lines += list(_of_pictures(pictures, pairs))
    lines.append("Clean: nobody and nothing is on two sides." if is_clean(audit, pictures, pairs) else "Not clean: see above.")
    return "\n".join(lines)


def as_json(audit: SplitAudit, pictures: ImageHashes | None = None, pairs: Sequence[NearDuplicate] = ()) -> str:
    """The same with every name; `alike` and `unreadable` are null without pictures."""
    return json.dumps(
        {
            "clean": is_clean(audit, pictures, pairs),
            "parts": [
                {"fold": fold, "part": part, **dict(zip(("rows", "photos", "people"), counts))}
                for (fold, part), counts in audit.parts.items()
            ],
            "shared": [asdict(shared) for shared in audit.shared],
            "repeated": [asdict(repeat) for repeat in audit.repeated],
            "unknown_people": audit.nameless,
            "in_no_part": audit.partless,
            "alike": None if pictures is None else [asdict(pair) for pair in pairs],
            "unreadable": None if pictures is None else pictures.unreadable,
        },
        indent=2,
        ensure_ascii=False,
    )


def _of_pictures(pictures: ImageHashes, pairs: Sequence[NearDuplicate]) -> Iterable[str]:
    yield f"{_many(pictures.photos, 'picture', 'pictures')} compared"
    for reason in dict.fromkeys(pictures.unreadable.values()):
        names = [photo for photo, why in pictures.unreadable.items() if why == reason]
        yield f"{_many(names, 'picture', 'pictures')} not compared, {reason}: {_first(names)}"
    for kind, alike in (
        ("the same file", [p for p in pairs if p.distance is None]),
        ("look alike", [p for p in pairs if p.distance is not None]),
    ):
        if alike:
            people = sorted({person or "unknown" for pair in alike for person in pair.people})
            yield f"{_many(alike, 'pair', 'pairs')} in two parts: {kind}; of {_many(people, 'person', 'people')}: {_first(people)}"
            for pair in alike[:SHOWN]:
                (a, b), (part, other), (who, whom) = pair.photos, pair.parts, pair.people
                bits = "" if pair.distance is None else f", {pair.distance} bits apart"
                yield f"  {_fold(pair.fold)}{a} ({part}, {who}) and {b} ({other}, {whom}){bits}"


def _many(names: Sequence[object], singular: str, plural: str) -> str:
    return f"{len(names):,} {singular if len(names) == 1 else plural}"


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _fold(fold: str) -> str:
    return f"fold {fold}: " if fold else ""


def _part(fold: str, part: str) -> str:
    return f"{fold} {part}" if fold else part
