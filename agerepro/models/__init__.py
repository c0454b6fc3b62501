"""Backbones, heads, and the networks made of them, in Keras for any backend; published weights found, checked and loaded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "build": ["BACKBONES", "Network", "build_network"],
        "heads": ["FeatureBlock"],
        "layers": ["BackboneOutput", "BackboneSpec", "BatchNorm", "BuildConfig", "Dropout", "GlobalStdPooling2D", "PaddedAdd", "Scale"],
        "preprocessing": ["PREPROCESSING", "Preprocess", "Preprocessing"],
        "pretrained": ["PRETRAINED", "PretrainedWeights", "find_local", "find_weights"],
        "weights": [
            "LoadedWeights",
            "TransferReport",
            "check_weight_file",
            "load_arrays",
            "load_matching",
            "load_published",
            "load_strict",
            "read_published",
            "save_arrays",
            "weights_as_arrays",
        ],
    },
)
