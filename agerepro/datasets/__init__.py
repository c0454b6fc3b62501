"""Data sets in their native layouts, read as tables of photos, counted beside the published counts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalog": ["OWN", "Card", "Published", "card", "existing_folder", "folder_of", "names", "read", "shortfall"],
        "csv": ["LabelProblem", "Labels", "read_csv"],
        "download": ["download_congress", "jpeg_digest"],
        "own": ["labels_of"],
        "pattern": ["read_pattern"],
        "photos": ["FilterStep", "Photos", "SkippedItem", "clean", "subject_overlap"],
        "verify": ["Verification"],
    },
)
