"""The recipes of specs/recipes: running them on real data, measuring them, and their table."""
