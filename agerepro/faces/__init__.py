"""Photos as faces: decoded, detected, aligned and cropped, kept in a store, named by a digest."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "alignment": ["AlignedFace", "Cropped", "box_crop", "crop_detected", "five_points_crop"],
        "decode": ["PICTURE_ENDINGS", "DecodeError", "MissingDecoderError", "downscale"],
        "detection": ["Detection", "Detector", "detector"],
        "crops": ["align_photos", "store_folder"],
        "prepare": ["FaceDataset", "PreparedFaces", "content_digest", "prepared_faces"],
        "own_photos": ["OwnCheck", "check_own"],
        "images": ["ImageReader", "InMemoryImages", "JpegImages", "StoredImages", "image_reader"],
        "store": ["FaceStore", "StoreWriter"],
    },
)
