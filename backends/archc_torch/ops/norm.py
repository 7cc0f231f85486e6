"""Normalisation over batches, layers, groups and instances."""

from __future__ import annotations

from archc.ir.dims import Size
from archc_torch.code import Expr
from archc_torch.lines import Line
from archc_torch.use import Use


def batch_module(use: Use) -> Expr | None:
    axes = use.type("x").rank - 2
    if axes > 3:
        return None
    return use.write(
        f"nn.BatchNorm{max(axes, 1)}d({{channels}}, eps={{eps|1e-05}}, momentum={{momentum|0.1}}, "
        "affine={affine|True}, track_running_stats={track|True}, dtype={dtype|None})",
        channels=use.width(use.type("x").dims[1], "num_features"),
    )


def batch(use: Use) -> Expr:
    """Without running statistics it uses the batch's, training or not."""
    return use.write(
        "F.batch_norm({x}, {running_mean}, {running_var}, weight={weight|None}, bias={bias|None}, "
        "training={training}, momentum={momentum|0.1}, eps={eps|1e-05})",
        training=use.write("self.training") if use.op.values["track"] else True,
    )


def last_axes(use: Use) -> list[Size]:
    return list(use.type("x").dims[-len(use.op.values["axes"]) :])


def over_last(name: str, function: str, module_settings: str, settings: str) -> Line:
    """A norm over the last axes, whose sizes its module is told."""

    def module(use: Use) -> Expr | None:
        sizes = last_axes(use)
        if not all(isinstance(size, int) for size in sizes):
            return None
        if len(sizes) == 1:
            shape: object = use.width(sizes[0], "normalized_shape")
        else:
            shape = tuple(sizes)
        return use.write(f"{name}({{shape}}, {module_settings}, dtype={{dtype|None}})", shape=shape)

    def call(use: Use) -> Expr:
        return use.write(
            f"{function}({{x}}, [{{shape*}}], {settings})", shape=use.sizes(last_axes(use))
        )

    return Line(call, module)


def channels(name: str) -> Line:
    def module(use: Use) -> Expr:
        return use.write(
            f"{name}({{groups}}, {{channels}}, eps={{eps|1e-05}}, affine={{affine|True}}, "
            "dtype={dtype|None})",
            channels=use.width(use.type("x").dims[1], "num_channels"),
        )

    call = "F.group_norm({x}, {groups}, weight={weight|None}, bias={bias|None}, eps={eps|1e-05})"
    return Line(call, module)


def instance_module(use: Use) -> Expr | None:
    axes = use.type("x").rank - 2
    if axes > 3:
        return None
    return use.write(
        f"nn.InstanceNorm{axes}d({{channels}}, eps={{eps|1e-05}}, affine={{affine|False}}, "
        "dtype={dtype|None})",
        channels=use.width(use.type("x").dims[1], "num_features"),
    )


LRN = "{size}, alpha={alpha|0.0001}, beta={beta|0.75}, k={k|1.0}"


def local_response(use: Use) -> Expr:
    """PyTorch merges the axes behind the fourth with a view, which asks for their usual order."""
    order = ".contiguous()" if use.type("x").rank > 4 else ""
    return use.write(f"F.local_response_norm({{x}}{order}, {LRN})")


def local_response_module(use: Use) -> Expr | None:
    return use.write(f"nn.LocalResponseNorm({LRN})") if use.type("x").rank <= 4 else None


LINES = {
    "batch_norm": Line(batch, batch_module),
    "layer_norm": over_last(
        "nn.LayerNorm",
        "F.layer_norm",
        "eps={eps|1e-05}, elementwise_affine={affine|True}, bias={bias|True}",
        "weight={weight|None}, bias={bias|None}, eps={eps|1e-05}",
    ),
    "rms_norm": over_last(
        "nn.RMSNorm",
        "F.rms_norm",
        "eps={eps}, elementwise_affine={affine|True}",
        "weight={weight|None}, eps={eps}",
    ),
    "group_norm": channels("nn.GroupNorm"),
    "instance_norm": Line(
        "F.instance_norm({x}, weight={weight|None}, bias={bias|None}, eps={eps|1e-05})",
        instance_module,
    ),
    "local_response_norm": Line(local_response, local_response_module),
}
