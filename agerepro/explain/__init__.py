"""Where on a face a network looks: maps, regions of the face, and whether the maps mean anything."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cam": ["class_activation_maps", "map_layers", "resize", "to_unit"],
        "explanation": ["Explained", "before_after", "explain", "explanation_text"],
        "faithfulness": ["area", "blurred", "curves", "grey", "random_maps", "random_weights"],
        "maps": ["absolute_difference", "is_empty", "maps_of", "overlay", "rank_correlation"],
        "regions": ["REGIONS", "face_regions", "landmarks_in_crop", "region_summary", "region_table", "usable"],
        "run_maps": ["ExplainConfig", "RunFaces", "parse_target", "run_faces"],
        "sensitivity": ["pixel_gradients", "sensitivity_maps"],
        "targets": ["class_numbers", "scores_of"],
    },
)
