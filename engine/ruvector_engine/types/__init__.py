"""PostgreSQL's types: their identities, and how their values are written as text.

A value travels through the engine in one Python form a type (see `TypeFamily`); only `server` knows bytes.
"""
