"""From a definition's graph to a sketch: what is a module, what a variable, what is written where.

`library` keeps the sketches of one program, `planner` makes one.
"""
