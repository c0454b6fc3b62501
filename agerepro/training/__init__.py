"""Training: faces in batches, the loop and its checkpoints, shared stages, folds, the grid search, ridge regression."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "augment": ["MIRRORED", "PLAIN", "AugmentedFaces", "InputView"],
        "checkpoint": ["Checkpoint", "TrainState", "load_checkpoint", "save_checkpoint"],
        "device": ["configure", "suppress_stderr"],
        "features": ["FeatureCache"],
        "folds": ["FoldRunner", "fold_runner"],
        "grid": ["Division", "Grid", "divisions", "search"],
        "loading": ["load_batches"],
        "loop": ["Diverged", "TrainResult", "Trainer"],
        "naming": ["StageCheckpoint", "stage_settings"],
        "optimizers": ["PlateauState", "TwoRates", "build_optimizer", "next_rate"],
        "pipeline": ["Examples", "predict_batches", "training_batches"],
        "replicas": ["Replicas", "data_parallel"],
        "reporting": ["EpochLog", "Reporter", "TensorBoard"],
        "ridge": ["Candidate", "RidgeFit", "fit_ridge_folds"],
        "stages": ["Init", "TrainingTask", "train_stage", "training_task"],
    },
)
