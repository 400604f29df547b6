"""An embedded vector database: PostgreSQL's SQL in, typed results out. No sockets here."""
