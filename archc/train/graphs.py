"""The program that is trained: a spec's models, and one more for each update.

An update is a model like any other. Its inputs are the data's fields, the numbers that are fed and
the values of earlier updates; its outputs are the loss's terms and what later updates and metrics
ask for. So losses are compiled, typed and printed by the same code as networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace

from archc.elaborate import elaborate
from archc.errors import Diagnostic, SpecError
from archc.ir.dims import Size
from archc.ir.program import Program
from archc.ir.types import FLOATING, TensorType
from archc.place import Place
from archc.spec.ast import File, InputDeclaration, Template
from archc.spec.data import Entry, Mapping, Scalar, Sequence
from archc.spec.formula import Formula, parse
from archc.spec.load import Loader
from archc.spec.parse import Parser
from archc.train.data import references, renamed, words
from archc.train.flow import unreached
from archc.train.section import Training, Update
from archc.train.short import written_out

Fields = Map[str, TensorType]
Asked = dict[str, Place | None]  # values by name, and where they are asked for


@dataclass(frozen=True)
class Graphs:
    """The joined program.

    `models` names each update's own model in it; `inputs` tells what each of that model's inputs
    is fed: a field or a number by its name, or an earlier update's value, `update.value`.
    """

    program: Program
    models: Map[str, str]
    inputs: Map[str, Map[str, str]]


def join(program: Program, training: Training, fields: Fields) -> Graphs:
    """The spec's models and the updates as one program.

    `fields` are the data's, by name, their first size symbolic. Raises SpecError: what steps are
    wrong in, E803 for a term that is no number, E804 for an input that nothing is fed to, E805 for
    a model that a loss cannot change.
    """
    joint = Joint(program, training, fields)
    for update in training.updates:
        joint.add(update)
    return joint.graphs()


class Joint:
    """A joined program that grows update by update."""

    def __init__(self, program: Program, training: Training, fields: Fields) -> None:
        self.program, self.training = program, training
        self.file = bare(program)
        self.joined = program
        numbers = {name: TensorType("float32", ()) for name in training.numbers}
        fed = {*training.draws, *training.absent}  # which hide fields of their names
        known = {name: type for name, type in fields.items() if name not in fed}
        self.known: dict[str, TensorType] = {**known, **numbers}
        self.asked = asked_of(program, training, self.known)
        self.models: dict[str, str] = {}
        self.inputs: dict[str, dict[str, str]] = {}

    def add(self, update: Update) -> None:
        """Adds an update; the program stays as it was where it is wrong. Raises SpecError."""
        model = f"{update.name}_update"
        check_turns(update, self.training)
        try:
            template, fed = self.template(update, model)
            self.file.models[model] = template
            try:
                joined = self.elaborated()
            except SpecError:
                joined = self.in_full_view(update, model)
            check_loss(update, joined.models[model].output_types())
            check_gradients(update, joined, model)
        except SpecError:
            self.file.models.pop(model, None)
            raise
        self.joined, self.models[update.name], self.inputs[update.name] = joined, model, fed
        for value, type in joined.models[model].output_types().items():
            self.known[f"{update.name}.{value}"] = type

    def in_full_view(self, update: Update, model: str) -> Program:
        """With all fields in view, so that an error can name the one that was meant.

        Raises SpecError with what is wrong with the loss's other terms, too.
        """
        self.file.models[model], _ = self.template(update, model, everything=True)
        try:
            return self.elaborated()
        except SpecError as error:
            others = self.others(update, model, error)
            raise SpecError([*error.diagnostics, *others]) from error

    def others(self, update: Update, model: str, error: SpecError) -> tuple[Diagnostic, ...]:
        """What is wrong with the loss's terms that an error about some of them is not about."""
        wrong = [one.place for one in error.diagnostics]
        left = {n: weight for n, weight in update.loss.items() if update.place_of(n) not in wrong}
        if not left or len(left) == len(update.loss):
            return ()
        part = replace(update, loss=left)
        try:
            self.file.models[model], _ = self.template(part, model, everything=True)
            check_loss(part, self.elaborated().models[model].output_types())
        except SpecError as more:
            return tuple(one for one in more.diagnostics if one not in error.diagnostics)
        return ()

    def graphs(self) -> Graphs:
        return Graphs(self.joined, self.models, self.inputs)

    def elaborated(self) -> Program:
        from archc.pipeline import settings_from

        settings = settings_from(self.program.settings, self.file)
        return elaborate(self.file, self.program.variant, settings)

    def template(
        self, update: Update, name: str, everything: bool = False
    ) -> tuple[Template, dict[str, str]]:
        """The update as a model, and what each of its inputs is fed.

        It takes what its steps speak of, or `everything` that is known.
        """
        known, asked = self.known, self.asked[update.name]
        steps, outputs = update.steps, dict.fromkeys([*update.loss, *asked])
        named = {one: one for one in outputs}
        if update.short:
            drawn = self.training.draws
            steps, found = written_out(update, self.program, known, drawn, asked)
            named.update({one: found[one] for one in asked if one in found})
        earlier = {one: one.replace(".", "_") for one in known if "." in one}
        steps = renamed(steps, earlier)
        used = words(steps)
        draws = [self.training.draws[one] for one in self.training.draws if one in used]
        used |= words(Sequence(draws, update.place))
        if everything:
            used |= {earlier.get(one, one) for one in known}
        fed = {earlier.get(one, one): one for one in known if earlier.get(one, one) in used}
        for symbol in used & {s for type in known.values() for s in type.symbols}:
            if not any(symbol in known[one].symbols for one in fed.values()):  # the batch's N, say
                one = next(one for one, type in known.items() if symbol in type.symbols)
                fed[earlier.get(one, one)] = one
        declared = [declaration(one, known[of], update.place) for one, of in fed.items()]
        declared += [absent(one, update.place) for one in self.training.absent if one in used]
        parser, loader = Parser(self.file.source, self.file.path), Loader()
        written = Sequence([*draws, *steps.items], steps.place)
        parser.formulas(written)
        parsed = parser.steps(written)
        for step in parsed[: len(draws)]:
            step.listed = step.repeat is not None
        places = {one: update.place_of(one) for one in outputs} | {
            one: place for one, place in asked.items() if place is not None
        }
        template = Template(
            name=name,
            kind="model",
            place=update.place,
            file=self.file,
            doc="",
            parameters=(),
            inputs=tuple(declared),
            steps=parsed,
            outputs=output_record({one: named[one] for one in outputs}, places, update.place),
            update=True,
        )
        loader.check_steps(template.steps, self.file)
        if parser.findings or loader.findings:
            raise SpecError([*parser.findings, *loader.findings])
        return template, fed


def check_turns(update: Update, training: Training) -> None:
    """E802 for an update that uses a value of one that is not made in all of its turns."""
    every = {one.name: one.every for one in training.updates if one is not update}
    for one in references(update.steps):
        head = str(one.value).partition(".")[0]
        if update.every % every.get(head, 1):
            raise SpecError.of(
                "E802",
                f"{update.name} is made every {update.every} turns and uses '{one.value}', which "
                f"is there every {every[head]} turns",
                one.place,
                help=f"in {update.name}: every: {every[head]}",
            )


def bare(program: Program) -> File:
    """The spec's file with its own graph as a model, which updates can call."""
    assert program.file is not None
    old = program.file
    new = replace(old, blocks={}, models={}, root=None)
    new.blocks = {name: replace(block, file=new) for name, block in old.blocks.items()}
    new.models = {name: replace(model, file=new) for name, model in old.models.items()}
    if old.root is not None:
        new.models = {old.name: replace(old.root, file=new), **new.models}
    return new


def asked_of(program: Program, training: Training, known: Fields) -> dict[str, Asked]:
    """The values of each update that metrics and later updates use; not weights of models."""
    weights = {entry.name for entry in program.weights()}
    asked: dict[str, Asked] = {update.name: {} for update in training.updates}
    texts = [(name, metric.place) for metric in training.metrics for name in metric.inputs]
    for name, place in texts:
        if training.updates[0].short and name not in known and name not in ("loss", "train.loss"):
            asked[training.updates[0].name].setdefault(name.removeprefix("train."), place)
    for update in training.updates:
        written = references(update.steps)
        texts += [(one.value, one.place) for one in written if isinstance(one.value, str)]
    for name, place in texts:
        head, _, value = name.partition(".")
        is_weight = "*" in value or name in weights
        if head in asked and value and not is_weight and not training.updates[0].short:
            asked[head].setdefault(value, place)
    return asked


def declaration(name: str, type: TensorType, place: Place) -> InputDeclaration:
    """An input of a known type, as if it were written."""
    sizes = Sequence([size(dim, place) for dim in type.dims], place)
    return InputDeclaration(name, place, sizes, Scalar(type.dtype, place))


def absent(name: str, place: Place) -> InputDeclaration:
    """An input that is not there."""
    return InputDeclaration(name, place, Sequence([], place), optional=True)


def size(dim: Size, place: Place) -> Scalar:
    shown = str(dim)
    if isinstance(dim, int):
        return Scalar(dim, place)
    if shown.isidentifier():
        return Scalar(shown, place)
    formula: Formula = parse(shown)
    return Scalar(f"={shown}", place, formula=formula)


def output_record(names: Map[str, str], places: Map[str, Place], place: Place) -> Mapping:
    """Outputs as if they were written where they are asked for."""
    entries: dict[str | int, Entry] = {}
    for name, of in names.items():
        where = places.get(name, place)
        entries[name] = Entry(Scalar(name, where), Scalar(of, where))
    return Mapping(entries, place)


def check_loss(update: Update, types: Fields) -> None:
    """E803 for a term that is no single number."""
    wrong = [name for name in update.loss if types[name].rank or types[name].dtype not in FLOATING]
    if wrong:
        raise SpecError(
            Diagnostic(
                "E803",
                f"the loss's term '{name}' is {types[name]}, not a single number",
                update.place_of(name),
                help="a loss with `reduction: none` has to be reduced, by `mean` or `sum`",
            )
            for name in wrong
        )


def check_gradients(update: Update, joined: Program, model: str) -> None:
    """E805 for a model that no term of the loss depends on."""
    wrong = [one for one in update.models if unreached(joined, model, tuple(update.loss), one)]
    found = []
    for one in wrong:
        weights = [entry.weight for entry in joined.weights(one)]
        why = "no term of its loss depends on a trained weight of it"
        help = f"a term has to come from {one} by steps that are not detached"
        if not any(weight.trained for weight in weights):
            why = "its weights are all frozen" if weights else "it has no weights"
            help = "leave `freeze` off what is to be trained" if weights else ""
        what = f"the update '{update.name}' cannot change {one}: {why}"
        found.append(Diagnostic("E805", what, update.place_of(one), help=help))
    if found:
        raise SpecError(found)


def unused(fields: Fields, graphs: Graphs) -> Iterator[str]:
    """The data's fields that no update takes."""
    used = {source for fed in graphs.inputs.values() for source in fed.values()}
    yield from (name for name in fields if name not in used)
