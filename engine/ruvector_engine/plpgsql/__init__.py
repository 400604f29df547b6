"""PL/pgSQL for anonymous blocks (DO): text to tree (`parser`), and the tree run in a session (`interpreter`).

The scanner and the check of every piece of SQL are PostgreSQL's own (`sql.parser`); expressions are evaluated by the
engine, as queries whose parameters are the variables.
"""
