"""All numbers that a search asks of a candidate, the cheap ones first."""

from __future__ import annotations

import json

from archc.files import replacing
from archc.search.candidate import Candidate
from archc.search.section import Search
from archc.search.statics import CLOCKED, STATIC, beyond
from archc.search.trial import COST, Task
from archc_search.scores import SCORES, scored
from archc_search.trained import Trainer, Where

KEPT = "numbers.json"  # in a trial's folder: what does not change from rung to rung


class Scorer:
    """The evaluator of a search whose candidates are built, and trained if anything asks for it."""

    def __init__(
        self,
        search: Search,
        origin: Candidate,
        *,
        data: str | None = None,
        download: bool = False,
        device: str = "auto",
    ) -> None:
        self.search = search
        asked = search.asked - set(STATIC)
        self.clocked = asked & set(CLOCKED)
        self.scores = [name for name in SCORES if name in asked]
        self.trains = bool(asked - set(CLOCKED) - set(SCORES))
        self.trainer: Trainer | None = None
        if self.trains or self.scores:
            self.trainer = Trainer(
                search.evaluation, search.seed, origin, Where(data, download, device)
            )
            if self.trains:
                self.trainer.warm(origin)

    def __call__(self, candidate: Candidate, task: Task) -> dict[str, float]:
        """The numbers by name. What is beyond a limit already is not trained."""
        found = self.untrained(candidate, task)
        if self.trains and not beyond(found, self.search.limits):
            assert self.trainer is not None
            found |= self.trainer(candidate, task)
        found.pop(COST, None)  # a term of the loss may be called so: no search asks for it
        return found

    def untrained(self, candidate: Candidate, task: Task) -> dict[str, float]:
        """What needs no training: measured once, and kept for later rungs."""
        path = task.folder / KEPT
        if path.exists():
            kept: dict[str, float] = json.loads(path.read_text("utf-8"))
            return kept
        found: dict[str, float] = {}
        if self.clocked:
            from archc_search.clocked import clocked  # onnxruntime, which training needs not

            measured = clocked(candidate, task, self.search.evaluation.threads)
            found |= {name: measured[name] for name in sorted(self.clocked)}
        if self.scores:
            assert self.trainer is not None
            found |= scored(self.scores, self.trainer.begun(candidate, task, inherits=False))
        if found and self.search.evaluation.epochs:
            task.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(json.dumps(found).encode())
        return found
