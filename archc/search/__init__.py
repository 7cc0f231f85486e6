"""Architecture search: spaces of specs, moves on them, strategies, and the study they leave."""
