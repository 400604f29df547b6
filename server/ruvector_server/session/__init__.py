"""One client's conversation, sans-IO: messages in, bytes out, and requests for work that may block."""
