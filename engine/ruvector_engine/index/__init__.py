"""Approximate nearest neighbours: indexes made of segments, on faiss."""

from ruvector_engine.index.maintenance import IndexMaintenance
from ruvector_engine.index.spec import BuildCancelled, DamagedIndex, IndexSpec
from ruvector_engine.index.vector_index import SegmentInfo, VectorIndex

__all__ = ["BuildCancelled", "DamagedIndex", "IndexMaintenance", "IndexSpec", "SegmentInfo", "VectorIndex"]
