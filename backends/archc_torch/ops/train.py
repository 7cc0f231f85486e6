"""Losses, draws and gradients, which training's graphs are made of."""

from __future__ import annotations

from archc.ir.types import TensorType
from archc.ops.cross_entropy import CrossEntropy, class_axis
from archc.spec.values import Argument
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use

# ---- losses


def distance(function: str, settings: str = "") -> Line:
    """A loss that torch.nn.functional has."""

    def call(use: Use) -> Expr | None:
        x, how = use.type("x"), str(use.op.values["reduction"])
        given, end = target(use), "reduction={how|'mean'})"
        if how == "sum_per_item":
            if x.rank == 0:
                return None
            how, end = "sum", "reduction={how}) / {x}.shape[0]"
        return use.write(f"{function}({{x}}, {{given}}, {settings}{end}", given=given, how=how)

    return Line(call)


def target(use: Use) -> Expr:
    """The target in the shape of the values, as torch wants it."""
    if use.type("target").rank == use.type("x").rank:
        return use.write("{target}")
    number = use.expr("target").literal
    if number is not None:
        return use.write("torch.full_like({x}, {number})", number=number)
    return use.write("{target}.expand_as({x})")


def reduced(use: Use, values: Expr, type: TensorType) -> Expr:
    """Values of a type as the loss's `reduction` says."""
    how = use.op.values["reduction"]
    if how == "none":
        return values
    if how == "sum_per_item" and type.rank > 2:
        return use.write("{values}.flatten(1).sum(dim=1).mean()", values=values)
    if how == "sum_per_item" and type.rank == 2:
        return use.write("{values}.sum(dim=1).mean()", values=values)
    return use.write("{values}.sum()" if how == "sum" else "{values}.mean()", values=values)


def cross_entropy(use: Use) -> Expr:
    """Torch's own; its classes are axis 1."""
    op, x, target = use.op, use.type("x"), use.type("target")
    assert isinstance(op, CrossEntropy)
    axis = class_axis(x, target) if op.axis is None else op.axis % x.rank
    settings = "label_smoothing={smoothing|0.0}, ignore_index={ignore|-100}, reduction={how|'mean'}"
    how = "none" if op.reduction == "sum_per_item" else op.reduction
    ignore = -100 if op.ignore is None else op.ignore
    text = "F.cross_entropy({x}, {target}, " + settings + ")"
    if axis != 1 and target.rank == x.rank:
        text = (
            "F.cross_entropy({x}.movedim({axis}, 1), {target}.movedim({axis}, 1), " + settings + ")"
        )
    elif axis != 1 and how == "none":
        text = "F.cross_entropy({x}.movedim({axis}, 1), {target}, " + settings + ")"
    elif axis == x.rank - 1 and axis != 1:
        text = "F.cross_entropy({x}.flatten(0, -2), {target}.flatten(), " + settings + ")"
    elif axis != 1:
        text = "F.cross_entropy({x}.movedim({axis}, 1), {target}, " + settings + ")"
    found = use.write(text, how=how, ignore=ignore, axis=axis, target=index(use))
    if op.reduction != "sum_per_item":
        return found
    return reduced(use, found, x.with_dims(x.dims[1:]))


def index(use: Use) -> Expr:
    """Class numbers as torch wants them."""
    return use.write("{target}.long()" if use.type("target").dtype == "int32" else "{target}")


def cosine_distance(use: Use) -> Expr:
    x = use.type("x")
    return reduced(
        use, use.write("1 - F.cosine_similarity({x}, {y}, dim=-1)"), x.with_dims(x.dims[1:])
    )


def penalty(use: Use) -> Expr:
    power = "square()" if use.op.values["kind"] == "l2" else "abs()"
    if len(use.exprs("inputs")) == 1:
        return use.write(f"{{value}}.{power}.sum()", value=use.exprs("inputs")[0])
    return use.write(f"sum(value.{power}.sum() for value in [{{inputs*}}])")


# ---- draws


def normal(use: Use) -> Expr:
    drawn = shaped(use, "torch.randn({shape*}, device={device})")
    mean, deviation = use.op.values["mean"], use.op.values["deviation"]
    if deviation != 1.0:
        drawn = use.write("{deviation} * {drawn}", drawn=drawn)
    return drawn if mean == 0.0 else use.write("{mean} + {drawn}", drawn=drawn)


def uniform(use: Use) -> Expr:
    drawn = shaped(use, "torch.rand({shape*}, device={device})")
    low, high = use.op.values["low"], use.op.values["high"]
    if isinstance(low, Argument) or isinstance(high, Argument):
        return use.write("{low} + ({high} - {low}) * {drawn}", drawn=drawn)
    if high - low != 1.0:
        drawn = use.write("{width} * {drawn}", drawn=drawn, width=high - low)
    return drawn if low == 0.0 else use.write("{low} + {drawn}", drawn=drawn)


def bernoulli(use: Use) -> Expr:
    drawn = shaped(use, "torch.rand({shape*}, device={device})")
    return use.write("({drawn} < {probability}).float()", drawn=drawn)


def integers(use: Use) -> Expr:
    text = "torch.randint({low}, {end}, ({shape*},), device={device})"
    return shaped(use, text, end=use.op.values["high"] + 1)


def shaped(use: Use, text: str, **given: object) -> Expr:
    """A draw of the sizes that the step says."""
    sizes = use.op.values["shape"]
    if not sizes:
        text = text.replace("({shape*},)", "{shape*}").replace("{shape*}", "()")
        return use.write(text, device=use.device(), **given)
    return use.write(text, shape=use.sizes(sizes), device=use.device(), **given)


LINES = {
    "mse": distance("F.mse_loss"),
    "l1": distance("F.l1_loss"),
    "huber": distance("F.huber_loss", "delta={delta|1.0}, "),
    "binary_cross_entropy": distance("F.binary_cross_entropy"),
    "binary_cross_entropy_with_logits": distance("F.binary_cross_entropy_with_logits"),
    "cross_entropy": Line(cross_entropy),
    "cosine_distance": Line(cosine_distance),
    "penalty": Line(penalty),
    "normal": Line(normal),
    "uniform": Line(uniform),
    "bernoulli": Line(bernoulli),
    "integers": Line(integers),
    "image_pool": Line(
        None,
        lambda use: (
            use.write("ImagePool({size}, {shape*})", shape=use.sizes(use.outs[0].dims[1:]))
            if use.outs[0].rank > 1
            else "ImagePool({size})"
        ),
    ),
    "stop_gradient": Line("{x}.detach()"),
    "differentiable": Line("{x}.detach().requires_grad_()"),
    "gradient": Line("torch.autograd.grad({y}.sum(), {x}, create_graph=True)[0]"),
}

HELPERS = {
    "ImagePool": '''
class ImagePool(nn.Module):
    """While training, replaces some pictures of a batch by earlier ones. [N, …] → [N, …]"""

    def __init__(self, size: int, *shape: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return torch.stack([self.exchange(picture) for picture in x.detach()])

    def exchange(self, picture: Tensor) -> Tensor:
        """The picture, kept until the pool is full; then half the time an earlier one."""
        if self.count < len(self.pictures):
            self.pictures[self.count] = picture
            self.count.add_(1)
        elif torch.rand(()) < 0.5:
            place = int(torch.randint(len(self.pictures), ()))
            earlier = self.pictures[place].to(picture.dtype, copy=True)
            self.pictures[place] = picture
            return earlier
        return picture
''',
}
