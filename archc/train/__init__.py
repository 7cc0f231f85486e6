"""Training as data: a spec's `train:` section, and its losses as graphs."""

from archc.train.check import check
from archc.train.graphs import Graphs, join
from archc.train.moment import Moment
from archc.train.reading import read
from archc.train.section import Training, Update

__all__ = ["Graphs", "Moment", "Training", "Update", "check", "join", "read"]
