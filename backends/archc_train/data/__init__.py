"""Data for training: where it comes from, its parts, and what is done to it."""

from __future__ import annotations

from archc_train.data.describe import describe
from archc_train.data.part import DataSet
from archc_train.data.program import data_of
from archc_train.data.sources import load

__all__ = ["DataSet", "data_of", "describe", "load"]
