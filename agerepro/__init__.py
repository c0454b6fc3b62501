"""Facial age estimation: the experiments of five papers, reproduced with Keras 3 and TensorFlow."""

__version__ = "0.1.0"
