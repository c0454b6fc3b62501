"""Ages in one's own photos, and a finished run's network as a file for other programs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "export": ["export_run"],
        "interval": ["Calibration", "TestSummary", "calibrate", "conformal_quantile", "interval_ends", "summarise_tests"],
        "photos": ["PhotoFiles", "photo_files"],
        "pictures": ["contact_sheet", "with_maps"],
        "predict": ["PhotoPredictions", "Row", "as_csv", "as_jsonl", "predict_photos"],
    },
)
