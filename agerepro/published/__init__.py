"""What papers print: their tables, and their claims computed again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audit": ["ClaimStatus", "Finding", "check_claim", "claims_of"],
        "claims": ["Claim", "Erratum", "Paper"],
        "tables": ["PublishedTable", "papers", "published_columns", "published_row", "published_table"],
    },
)
