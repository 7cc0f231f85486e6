"""The `train:` section read: formulas worked out, words looked up, everything wrong gathered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from collections.abc import Sequence as Sequence_
from typing import Any

from archc.errors import Diagnostic, Findings, SpecError, did_you_mean
from archc.ir.program import Program
from archc.place import Place
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence
from archc.spec.finite import endless
from archc.spec.formula import Formula, evaluate_over
from archc.spec.load import Loader
from archc.spec.parse import Parser
from archc.spec.schema import check_section
from archc.spec.training import LEARNING, SECTION
from archc.spec.values import FormulaError
from archc.train.feeds import draws, is_number, number_of
from archc.train.measures import best_of, metrics_of, term_names
from archc.train.moment import CLOCK, Number, Timed
from archc.train.options import WORDS, choice, chosen
from archc.train.section import Choice, Metric, Phase, Training, Update
from archc.train.sources import mistakes, used

PLAIN = ("batch", "epochs", "steps", "seed", "patience", "evaluate", "precision", "compile")
ELSEWHERE = ("graph", "loss", "feed", *WORDS)  # steps and choices are judged with theirs
TIMED = "weights of a loss's terms and numbers in 'feed' may change with time"


def read(program: Program, change: Map[str, Any] | None = None) -> Training:
    """The training that the program's spec describes; `change` overrides top-level plain settings.

    Raises SpecError with all that is wrong with the section.
    """
    training, found = examined(program, change)
    if found or training is None:
        raise SpecError(found)
    return training


def examined(
    program: Program, change: Map[str, Any] | None = None
) -> tuple[Training | None, list[Diagnostic]]:
    """The training as far as it can be read, and all that is wrong with the section."""
    file = program.file
    data = file.section("train") if file is not None else None
    if file is None or not isinstance(data, Mapping):
        place = file.place if file is not None else None
        help = "train: {data: digits, loss: {cross_entropy: [logits, label]}, optimizer: adam}"
        what = f"{program.name} has no 'train' section"
        return None, [Diagnostic("E801", what, place, help=help)]
    parser = Parser(file.source, file.path)
    parser.formulas(data)
    reader = _Reader(program, parser.findings)
    plain = changed(reader.section(data), change or {})
    wrong, paths = check_section(data, plain, SECTION)
    reader.findings += wrong
    reader.findings += endless(data, ELSEWHERE)
    data, plain = without(data, plain, paths)
    reader.partial = bool(paths)
    try:
        reader.findings += mistakes(used(program, data.get("data"), plain.get("data")))
    except SpecError as error:
        reader.findings += error.diagnostics
    return reader.training(data, plain), list(reader.findings)


def changed(settings: Map[str, Any], change: Map[str, Any]) -> dict[str, Any]:
    """The settings with those that change; how long it takes is said by one of two."""
    lasting = {"epochs", "steps"}
    dropped = lasting if not lasting.isdisjoint(change) else set()
    return {**{key: one for key, one in settings.items() if key not in dropped}, **change}


def without(
    data: Mapping, plain: dict[str, Any], paths: Sequence_[list[Any]]
) -> tuple[Mapping, dict[str, Any]]:
    """The section without the keys, or the updates, in which something has a wrong form."""
    keys = {path[0] for path in paths if path and path[:1] != ["updates"]}
    keys |= {"updates" for path in paths if path == ["updates"]}
    numbers = {path[1] for path in paths if path[:1] == ["updates"] and len(path) > 1}
    entries = {key: entry for key, entry in data.entries.items() if key not in keys}
    plain = {key: value for key, value in plain.items() if key not in keys}
    written = entries.get("updates")
    if numbers and written is not None and isinstance(written.value, Sequence):
        left = [one for k, one in enumerate(written.value.items) if k not in numbers]
        entries["updates"] = Entry(written.key, Sequence(left, written.value.place))
        plain["updates"] = [one for k, one in enumerate(plain["updates"]) if k not in numbers]
    return Mapping(entries, data.place), plain


class _Reader:
    """One reading: the spec's parameters, and what was found wrong."""

    def __init__(self, program: Program, findings: Findings) -> None:
        self.program, self.findings = program, findings
        self.bindings = program.parameters
        self.partial = False  # parts were left out, and what follows from that is no finding

    def fail(self, code: str, message: str, place: Place | None, help: str = "") -> None:
        self.findings.append(Diagnostic(code, message, place, help=help))

    # ---- data to plain values

    def section(self, data: Mapping) -> dict[str, Any]:
        """The section as plain values; steps and feeds, which the compiler reads, are left out."""
        found: dict[str, Any] = {}
        for key, entry in data.entries.items():
            if key == "feed" and isinstance(entry.value, Mapping):
                found[str(key)] = {}
            elif key == "loss" and not isinstance(entry.value, Sequence):
                found[str(key)] = "step"
            elif key == "updates" and isinstance(entry.value, Sequence):
                found[str(key)] = [self.update(one) for one in entry.value.items]
            else:
                found[str(key)] = self.value(entry.value)
        return found

    def update(self, data: Data) -> Any:
        if not isinstance(data, Mapping):
            return self.value(data)
        found: dict[str, Any] = {}
        for key, entry in data.entries.items():
            if key == "graph" and isinstance(entry.value, Sequence):
                found[str(key)] = [{} for _ in entry.value.items]
            else:
                found[str(key)] = self.value(entry.value, timed=key == "loss")
        return found

    def value(self, data: Data, timed: bool = False) -> Any:
        """Plain values, formulas over the spec's parameters worked out.

        Where it may be `timed`, a formula over the clock stays as it is written.
        """
        match data:
            case Scalar(formula=Formula() as formula):
                if timed and not formula.names.isdisjoint(CLOCK):
                    return data.value
                return self.formula(formula, data.place)
            case Scalar(value=value):
                return value
            case Sequence(items):
                return [self.value(item, timed) for item in items]
            case Mapping(entries):
                return {str(key): self.value(entry.value, timed) for key, entry in entries.items()}

    def formula(self, formula: Formula, place: Place) -> Any:
        try:
            return evaluate_over(self.bindings, formula, dict.fromkeys(CLOCK, TIMED))
        except FormulaError as error:
            self.fail(error.code, error.message, place, error.help)
            return 1

    def number(self, data: Data) -> Number:
        """A number, or a formula over the clock."""
        formula = data.formula if isinstance(data, Scalar) else None
        if isinstance(formula, Formula) and not formula.names.isdisjoint(CLOCK):
            for name in sorted(formula.names - self.bindings.keys() - set(CLOCK)):
                help = did_you_mean(name, [*self.bindings, *CLOCK])
                self.fail("E215", f"'{name}' is not known here", data.place, help)
            return Timed(formula, data.place, self.bindings)
        found = self.value(data)
        if isinstance(found, bool) or not isinstance(found, int | float):
            self.fail("E202", f"a number is wanted, found {found!r:.60}", data.place)
            return 0.0
        return float(found)

    # ---- plain values to what they mean

    def training(self, data: Mapping, plain: dict[str, Any]) -> Training:
        self.check_lasting(data, plain)
        self.check_shares(data.get("split"), plain.get("split", {}))
        updates = self.updates(data, plain)
        feed = data.get("feed")
        known = dict(feed.items()) if isinstance(feed, Mapping) else {}
        for name, value in known.items():
            if isinstance(value, Sequence):
                help = f"{name}: {{normal: [N, 64]}}, or a number"
                self.fail(
                    "E202", f"the feed '{name}' does not say what is drawn", value.place, help
                )
        drawn = draws(known)
        self.check_draws(Sequence([*drawn.values()], data.place))
        scalars = {name: number_of(value) for name, value in known.items() if is_number(value)}
        given = {name: one for name, one in scalars.items() if self.is_there(one.when)}
        metrics = tuple(
            metrics_of(data.get("metrics"), plain.get("metrics", {}), updates, self.fail)
        )
        for metric in metrics:
            self.check_inputs(metric, updates)
        best: tuple[str, bool] | None = None
        if not self.partial:  # else what it asks for may be what was left out
            terms = term_names(updates)
            best = best_of(data.get("best"), plain.get("best"), metrics, terms, self.fail)
        return Training(
            data=plain.get("data"),
            updates=updates,
            metrics=metrics,
            draws=drawn,
            numbers={name: self.number(one.value) for name, one in given.items()},
            absent=tuple(name for name in scalars if name not in given),
            augment=tuple(augmentations(data.get("augment"), plain.get("augment", ()))),
            phases=tuple(phases(data.get("phases"), plain.get("phases", ()))),
            place=data.place,
            split=plain.get("split", {}),
            best=best,
            **{key: plain[key] for key in PLAIN if key in plain},
        )

    def check_draws(self, steps: Sequence) -> None:
        """What is drawn is known, whether or not an update takes it."""
        assert self.program.file is not None
        parser, loader = Parser(self.program.file.source, self.program.file.path), Loader()
        loader.check_steps(parser.steps(steps), self.program.file)
        self.findings += [*parser.findings, *loader.findings]

    def check_lasting(self, data: Mapping, plain: dict[str, Any]) -> None:
        """A section, and each phase, has epochs or steps, not both."""
        phases = data.get("phases")
        written = phases.items if isinstance(phases, Sequence) else []
        for one, values in [(data, plain), *zip(written, plain.get("phases", ()), strict=False)]:
            if isinstance(one, Mapping) and {"epochs", "steps"} <= values.keys():
                entry = one.entries.get("steps")
                help = "epochs go through the data so often; steps are turns of all updates"
                place = one.place if entry is None else entry.key.place
                self.fail(
                    "E802", "'epochs' or 'steps' says how long it takes, not both", place, help
                )

    def check_shares(self, data: Data | None, split: dict[str, Any]) -> None:
        """A part is a share of the items below 1, or a whole number of them."""
        for name, share in split.items():
            if isinstance(share, float) and share >= 1 and isinstance(data, Mapping):
                what = f"split.{name}: expected a share below 1 or a whole number, found {share}"
                help = f"{name}: 0.1 is a tenth of the items, {name}: {int(share)} so many of them"
                self.fail("E207", what, data.entries[name].value.place, help)

    def check_inputs(self, metric: Metric, updates: tuple[Update, ...]) -> None:
        """A metric asks for values of updates that there are."""
        names = [update.name for update in updates]
        for one in metric.inputs:
            head, _, of = one.partition(".")
            if of and head not in names and not self.partial:
                what = f"no update '{head}' for the metric '{metric.name}'"
                self.fail("E210", what, metric.place, did_you_mean(head, names))

    def is_there(self, when: Data | None) -> bool:
        return when is None or bool(self.value(when))

    def updates(self, data: Mapping, plain: dict[str, Any]) -> tuple[Update, ...]:
        written, loss = data.get("updates"), data.get("loss")
        if isinstance(written, Sequence):
            for key in ("loss", "model"):
                if key in data:
                    place = data.entries[key].key.place
                    self.fail("E802", f"a section has '{key}' or 'updates', not both", place)
            pairs = zip(written.items, plain["updates"], strict=True)
            found = tuple(
                self.one_update(one, values, data, plain)
                for one, values in pairs
                if isinstance(one, Mapping)
            )
            for k, update in enumerate(found):
                if update.name in {other.name for other in found[:k]}:
                    place = update.place_of("name")
                    self.fail("E211", f"two updates are called '{update.name}'", place)
            return found
        if loss is None:
            if not self.partial:
                help = "loss: {cross_entropy: [logits, label]}"
                self.fail("E203", "the section has neither 'loss' nor 'updates'", data.place, help)
            return ()
        model = plain.get("model", self.program.main)
        place = data.entries["model"].value.place if "model" in data else loss.place
        steps = Sequence([loss], loss.place)
        return (self.learning("train", {model: place}, steps, {}, loss.place, [data], [plain]),)

    def one_update(
        self, data: Mapping, plain: dict[str, Any], section: Mapping, shared: dict[str, Any]
    ) -> Update:
        written, steps, model = data.get("loss"), data.get("graph"), data.entries["model"].value
        assert isinstance(written, Mapping) and isinstance(steps, Sequence)
        each = model.items if isinstance(model, Sequence) else [model]
        models = {str(self.value(one)): one.place for one in each}
        name, place = plain["name"], data.entries["name"].value.place
        if not name.isidentifier():
            help = "a name holds letters, digits and _"
            self.fail("E212", f"'{name[:60]}' is not a name", place, help)
        loss = {str(key): self.number(entry.value) for key, entry in written.entries.items()}
        places = {str(key): entry.key.place for key, entry in written.entries.items()}
        return self.learning(
            name, models, steps, loss, data.place, [data, section], [plain, shared],
            {**places, "name": place},
        )  # fmt: skip

    def learning(
        self,
        name: str,
        models: dict[str, Place],
        steps: Sequence,
        loss: Map[str, Number],
        place: Place,
        written: list[Mapping],
        plain: list[dict[str, Any]],
        places: Map[str, Place] | None = None,
    ) -> Update:
        """An update; of `written`, first its own mapping, the first with a setting tells it."""
        for model, where in models.items():
            if model not in self.program.models:
                help = did_you_mean(model, self.program.models)
                self.fail("E204", f"no model '{model}'", where, help)
        settings: dict[str, Any] = {}
        for key in (*LEARNING, "repeat", "every"):
            for data, values in zip(written, plain, strict=True):
                if key in values and (data is written[0] or key in LEARNING):
                    given, value = data.get(key), values[key]
                    if key in WORDS:
                        at = place if given is None else given.place
                        value = chosen(key, value, given, at, self.fail)
                    settings[key] = value
                    break
        if "optimizer" not in settings:
            if not self.partial:
                help = "optimizer: {adam: {lr: 1.0e-3}}"
                self.fail("E203", "'optimizer' is missing", place, help)
            settings["optimizer"] = Choice("adam")
        return Update(
            name=name,
            models=tuple(models),
            steps=steps,
            loss=loss or {"loss": 1.0},
            place=place,
            places={**models, **(places or {})},
            short=not loss,
            **settings,
        )


def phases(data: Data | None, plain: Iterable[Map[str, Any]]) -> Iterator[Phase]:
    """The phases, each with its own places."""
    for one, values in zip(data.items if isinstance(data, Sequence) else (), plain, strict=True):
        lasting = {key: value for key, value in values.items() if key != "set"}
        written = one.get("set") if isinstance(one, Mapping) else None
        entries = written.entries if isinstance(written, Mapping) else {}
        places = {str(key): (e.key.place, e.value.place) for key, e in entries.items()}
        yield Phase(values.get("set", {}), lasting, one.place, places)


def augmentations(data: Data | None, plain: Iterable[Any]) -> Iterator[Choice]:
    """The augmentations, each with its own place."""
    if isinstance(data, Sequence):
        yield from (choice(one, item.place) for one, item in zip(plain, data.items, strict=True))
