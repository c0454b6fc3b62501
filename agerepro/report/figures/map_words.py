"""What figures say about each kind of map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MapWords:
    """title: names the maps; name: of the figure's files; explains: a sentence with {target}; strong: what the strongest colour means."""

    title: str
    name: str
    explains: str
    strong: str = "speaks for"

    @staticmethod
    def of(how: str, target: str) -> MapWords:
        """Words for maps made `how`; target as in about.json."""
        words = _WORDS[how]
        return MapWords(words.title, words.name, words.explains.format(target=target.replace("_", " ")), words.strong)


_WORDS = {
    "mean": MapWords("Class activation maps", "class-activation-maps", "What speaks for the {target}"),
    "grad_cam": MapWords("Class activation maps (Grad-CAM)", "class-activation-maps", "What speaks for the {target}"),
    "sensitivity": MapWords("Sensitivity maps", "sensitivity-maps", "How much the {target} depends on each pixel", "depends on it"),
}
