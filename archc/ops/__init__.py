"""The ops, one class each, by family."""
