"""What commands and results need of the models (finding files, classes, decoding, arrays) loads no Keras."""

from __future__ import annotations

import subprocess
import sys

LIGHT = ("sources", "dlib_file", "keras_h5", "bins", "decode", "arrays")


def test_light_modules_load_no_keras() -> None:
    imports = "; ".join(f"import agerepro.models.{name}" for name in LIGHT)
    program = f"import sys; {imports}; print([name for name in ('keras', 'tensorflow', 'pooch', 'pandas') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
