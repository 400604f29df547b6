"""Inverted indexes over tsvectors, what stands behind GIN: from a tsquery to the ids of the documents that match.

Rule: derived data in numpy arrays. Nothing here knows SQL, DuckDB or transactions; `text_indexes` keeps it in step.
"""

from ruvector_engine.inverted.text_index import TextIndex, TextState

__all__ = ["TextIndex", "TextState"]
