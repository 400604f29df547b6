"""Analysis of expressions, one module a family of raw nodes; `dispatch.expression` is the way in."""
