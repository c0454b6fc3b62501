"""Drawn, ageing faces, and stand-ins of the real data sets made of them, in their native layouts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "person": ["Person", "Scene", "draw_person", "draw_scene"],
        "renderer": ["Drawn", "contact_sheet", "render"],
        "writers": ["FINISHED", "RENDERER", "WRITERS", "is_drawn", "write"],
    },
)
