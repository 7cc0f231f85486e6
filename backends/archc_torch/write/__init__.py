"""From classes to text: `file` writes the whole, `renderer` a class of it."""
