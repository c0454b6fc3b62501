"""Photos divided into folds, and what is on two sides of a split."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audit": ["as_json", "as_text", "is_clean"],
        "leakage": [
            "Columns",
            "Leakage",
            "SplitAudit",
            "audit_split",
            "check_no_leakage",
            "describe_overlap",
            "find_leakage",
            "read_split",
            "shared_people",
        ],
        "near_duplicates": ["ImageHashes", "NearDuplicate", "find_near_duplicates", "hash_images"],
        "protocols": ["describe_protocol", "divide", "groups_of", "keeps_people_apart", "make_folds", "people_of"],
    },
)
