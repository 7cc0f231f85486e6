"""The typed intermediate representation: types, graphs, programs."""
