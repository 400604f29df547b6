"""Text to tree (after pl_scanner.c and pl_gram.y); `parser` is the way in."""
