"""Runs plans: one module a kind of statement. Blocking, on a worker thread, but for the hot path in `knn`."""
