"""What figures say about each kind of map."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MapWords:
    """title: names the maps; name: of the figure's files; explains: a sentence; strong: what the strongest colour means; score: on the
    axis of deletion curves."""

    title: str
    name: str
    explains: str
    strong: str = "speaks for"
    score: str = ""

    @staticmethod
    def of(how: str, target: str) -> MapWords:
        """Words for maps made `how`; target as in about.json."""
        words = _WORDS[how]
        score = words.score or ("Expected age (years)" if target == "expected_age" else "Probability of the class")
        return replace(words, explains=words.explains.format(target=target.replace("_", " ")), score=score)


_AWAY = "Minus years from the photo's own estimate"
_WORDS = {
    "mean": MapWords("Class activation maps", "class-activation-maps", "What speaks for the {target}"),
    "grad_cam": MapWords("Class activation maps (Grad-CAM)", "class-activation-maps", "What speaks for the {target}"),
    "sensitivity": MapWords("Sensitivity maps", "sensitivity-maps", "How much the {target} depends on each pixel", "depends on it", _AWAY),
}
