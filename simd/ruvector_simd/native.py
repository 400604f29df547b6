"""The door to faiss, for every module that calls it.

OpenMP's threads are told to sleep while they wait. By default they spin, which on a busy machine doubled the
processor time of an index build (3.2 s against 1.7 s for 15,000 x 384) and takes that time from other queries.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import faiss as _faiss

#: faiss, unchecked: its type stub leaves out much of what is used here.
faiss: Any = _faiss
