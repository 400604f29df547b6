"""Codecs for vectors: train, encode, decode, code size."""

from ruvector_quantization.binary import BinaryCodec
from ruvector_quantization.codec import Codec
from ruvector_quantization.float16 import Float16Codec
from ruvector_quantization.float32 import Float32Codec
from ruvector_quantization.half import HalfScaling
from ruvector_quantization.product import DEFAULT_CENTROIDS, SAMPLES_PER_CENTROID, ProductCodec, parts_for
from ruvector_quantization.scalar import HalfCodec, StepCodec
from ruvector_quantization.trained import LARGEST_SQUARE, TrainedCodec

__all__ = [
    "DEFAULT_CENTROIDS",
    "LARGEST_SQUARE",
    "SAMPLES_PER_CENTROID",
    "BinaryCodec",
    "Codec",
    "Float16Codec",
    "Float32Codec",
    "HalfCodec",
    "HalfScaling",
    "ProductCodec",
    "StepCodec",
    "TrainedCodec",
    "parts_for",
]
