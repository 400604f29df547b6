"""PL/pgSQL for anonymous blocks (DO): text to tree (`parse`), and the tree run in a session (`run`).

The scanner and the check of every piece of SQL are PostgreSQL's own (`sql.parser`); expressions are evaluated by the
engine, as queries whose parameters are the variables.
"""
