"""Names and texts of a spec as names and texts of Python, which they neither alter nor shadow."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Iterable

# What torch.nn.Module and its containers have by themselves; tests compare it with the installed
# torch.
TAKEN = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
# What nn.Sequential and nn.ModuleDict have beyond it.
CONTAINERS = frozenset(
    ["append", "extend", "insert", "pop", "clear", "items", "keys", "update", "values"]
)
# What every generated file means by these names.
GLOBALS = frozenset({"torch", "nn", "F", "Tensor", "OrderedDict", "NamedTuple", "self", "super"})
_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_SPELLINGS = {
    "alexnet": "AlexNet",
    "bert": "BERT",
    "bilstm": "BiLSTM",
    "bn": "BN",
    "convnext": "ConvNeXt",
    "cyclegan": "CycleGAN",
    "dcgan": "DCGAN",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "ffn": "FFN",
    "fpn": "FPN",
    "gan": "GAN",
    "gpt": "GPT",
    "gru": "GRU",
    "lenet": "LeNet",
    "lm": "LM",
    "lstm": "LSTM",
    "mbconv": "MBConv",
    "mlp": "MLP",
    "mobilenet": "MobileNet",
    "nasbench": "NASBench",
    "resnet": "ResNet",
    "rgb": "RGB",
    "rnn": "RNN",
    "se": "SE",
    "squeezenet": "SqueezeNet",
    "stylegan": "StyleGAN",
    "unet": "UNet",
    "vae": "VAE",
    "vgg": "VGG",
    "vit": "ViT",
    "wgan": "WGAN",
}


def attribute(name: str) -> bool:
    """Whether `self.name` can be what the spec calls so."""
    return (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and name not in TAKEN
        and not name.startswith("_")
    )


def contained(name: str) -> bool:
    """Whether an nn.Sequential or nn.ModuleDict takes a module of that name."""
    return name.isdigit() or (attribute(name) and name not in CONTAINERS)


def safe(name: str, taken: Collection[str]) -> str:
    """A variable's name as like the given one as possible, and none of `taken`."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name) or "x"
    if not name.isidentifier():
        name = f"x{name}"
    name = name.lstrip("_") or "x"
    if keyword.iskeyword(name) or name in GLOBALS or name in _BUILTINS or not name.isidentifier():
        name = f"{name}_" if name.isidentifier() or keyword.iskeyword(name) else f"x{name}"
    return unique(name, taken)


def unique(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken."""
    if name not in taken:
        return name
    number = 2
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


def camel(name: str) -> str:
    """A class's name for a block's: `masked_attention` is MaskedAttention, `resnet50` ResNet50."""
    joined = re.sub(r"(?<=\d)_+(?=\d)", ".", name)  # `v1_100`, which V1100 would not tell
    text = "".join(map(_spelled, joined.split("_"))).replace(".", "_") or "Block"
    return text if text.isidentifier() else f"Block{text}"


def _spelled(word: str) -> str:
    """A word of a class's name; a single letter after a number stays as it is, as in Conv2d."""
    first, *rest = re.findall(r"\d+|\D+", word) or [""]
    return _capital(first) + "".join(part if len(part) < 2 else _capital(part) for part in rest)


def _capital(word: str) -> str:
    return _SPELLINGS.get(word, word[:1].upper() + word[1:])


def singular(name: str) -> str:
    """One of what a list's name says: `layers` gives layer, `h` block."""
    if len(name) > 3 and name.endswith("s") and not name.endswith("ss"):
        return name[:-1]
    return name if len(name) > 2 else "block"


def plural(name: str) -> str:
    """A list of what the name says: `state` gives states."""
    return name if name.endswith("s") else f"{name}s"


def one_line(text: str) -> str:
    """The text as one line of printable ASCII-safe words for a docstring."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    return " ".join(words)


def docstring(lines: Iterable[str], indent: str = "") -> list[str]:
    """The lines as a docstring; nothing in them can end it."""
    rows = [row.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for row in lines]
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        return []
    if len(rows) == 1:
        end = "\\" if rows[0].endswith('"') and not rows[0].endswith('\\"') else ""
        text = rows[0][:-1] + '\\"' if end else rows[0]
        return [f'{indent}"""{text}"""']
    first, *rest = rows
    return [
        f'{indent}"""{first}',
        *(f"{indent}{row}" if row else "" for row in rest),
        f'{indent}"""',
    ]
