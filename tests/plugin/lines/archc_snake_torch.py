"""How Snake is written in PyTorch."""

from archc_torch.lines import Line

LINES = {"snake": Line("{x} + torch.sin({alpha} * {x}).square() / {alpha}")}
