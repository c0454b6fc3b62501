"""Data sets in their native layouts, read as tables of photos, counted beside the published counts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalog": ["Card", "Published", "card", "existing_folder", "folder_of", "names", "read", "shortfall"],
        "download": ["download_congress", "jpeg_digest"],
        "photos": ["FilterStep", "Photos", "SkippedItem", "clean", "subject_overlap"],
        "verify": ["Verification"],
    },
)
