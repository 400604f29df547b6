"""PostgreSQL's messages, sans-IO: bytes to frontend messages, backend messages to bytes. No asyncio, no engine."""
