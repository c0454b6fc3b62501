"""The HTML page of one or several runs: self-contained, without a network, with every fold and its faces."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "contents": ["FacesDecision", "LeakageCheck", "check_leakage", "decide_faces"],
        "write": ["write_page"],
    },
)
