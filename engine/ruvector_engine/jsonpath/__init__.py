"""SQL/JSON path, as PostgreSQL has it: parsed (`parser`), printed (`writer`), evaluated over jsonb (`evaluation`)."""
