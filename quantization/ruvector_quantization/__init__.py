"""Codecs for vectors: encode, decode, code size."""

from ruvector_quantization.codec import Codec
from ruvector_quantization.float16 import Float16Codec
from ruvector_quantization.float32 import Float32Codec
from ruvector_quantization.half import HalfScaling

__all__ = ["Codec", "Float16Codec", "Float32Codec", "HalfScaling"]
