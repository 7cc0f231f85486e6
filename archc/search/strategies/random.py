"""Random search: every candidate is drawn from the whole space. What others must be better than."""

from __future__ import annotations

from random import Random

from archc.search.strategies.memory import Known, Memory
from archc.search.trial import Proposal


class Drawn(Memory):
    """Random search, without the networks that were drawn before."""

    def propose(self, random: Random, attempt: int) -> Proposal:
        return self.drawn(random)

    def learn(self, known: Known) -> None:
        """Nothing follows from a trial."""
