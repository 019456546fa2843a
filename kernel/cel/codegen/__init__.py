"""Python code for expressions and templates: the fast way to evaluate."""
