"""The lines of all ops, by family."""
