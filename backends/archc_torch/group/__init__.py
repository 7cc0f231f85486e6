"""From sketches to classes: definitions whose code agrees but for numbers become one.

`grouping` is the whole of it, `classes` what it gives.
"""
