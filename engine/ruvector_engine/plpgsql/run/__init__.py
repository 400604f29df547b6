"""The tree run in a session (after pl_exec.c and pl_comp.c); `interpreter` is the way in."""
