"""What a file is written for: a runtime's oldest version, a device, a precision.

    ort>=1.20,cpu,fp32          the default
    ort>=1.23,opset=23          onnxruntime's own Attention and RMSNormalization
    cuda,fp16                   half precision inside, float32 inputs and outputs
    cuda,fp16,fp16-io           half precision inputs and outputs, too

A file says the lowest opset that holds what is in it, at least 18, so that the most tools read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from archc.errors import ArchcError, UnsupportedError, UsageError, did_you_mean

OLDEST: Final = (1, 20)
"""The oldest onnxruntime that files are written for, and tested with."""

LOWEST_OPSET: Final = 18

NATIVE_OPSET: Final = 23
"""The first with Attention, RMSNormalization and RotaryEmbedding."""

# onnxruntime → the highest opset and IR version that it reads (its documentation, "Compatibility").
# Later ones read more, and nothing here needs more.
_READS: Final[dict[tuple[int, int], tuple[int, int]]] = {
    (1, 20): (21, 10), (1, 21): (22, 10), (1, 22): (22, 10), (1, 23): (23, 11),
}  # fmt: skip

_DEVICES: Final = ("cpu", "cuda")
_PRECISIONS: Final = ("fp32", "fp16", "int8")
_WORDS: Final = ("ort>=1.20", *_DEVICES, *_PRECISIONS, "fp16-io", "opset=23")
_RUNTIME: Final = re.compile(r"ort>=(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?")
_EXAMPLE: Final = "ort>=1.20,cpu,fp32"


@dataclass(frozen=True, slots=True)
class Target:
    """What a file is written for. `opset` is a demanded one; None leaves it to what is needed."""

    runtime: tuple[int, int] = OLDEST
    device: str = "cpu"
    precision: str = "fp32"
    half_io: bool = False  # inputs and outputs are float16, too
    opset: int | None = None

    @classmethod
    def parse(cls, text: str | Target | None) -> Target:
        """The target that the words mean, in any order.

        UsageError E602 for words that mean none or no possible one, UnsupportedError E603 for int8.
        """
        if text is None:
            return cls()
        if isinstance(text, Target):
            return text
        chosen: dict[str, Any] = {}
        for word in filter(None, (part.strip().lower() for part in text.split(","))):
            key, value = _meaning(word)
            if chosen.setdefault(key, value) != value:
                raise _wrong(f"'{word}' contradicts an earlier word of the target '{text[:80]}'")
        target = cls(**chosen)
        target.check()
        return target

    def __str__(self) -> str:
        words = [f"ort>={self.runtime[0]}.{self.runtime[1]}", self.device, self.precision]
        words += ["fp16-io"] if self.half_io else []
        words += [f"opset={self.opset}"] if self.opset is not None else []
        return ",".join(words)

    def check(self) -> None:
        """Raises UsageError E602 for what cannot be, UnsupportedError E603 for int8."""
        if self.precision == "int8":
            raise UnsupportedError.of(
                "E603",
                "an int8 file needs the ranges of real values, and there are none here",
                help="export fp32, then calibrate it on data with onnxruntime.quantization",
            )
        if self.runtime < OLDEST:
            raise _wrong(f"onnxruntime {_version(OLDEST)} is the oldest that files are written for")
        if self.half_io and self.precision != "fp16":
            raise _wrong("fp16-io belongs to fp16")
        if self.opset is not None and not LOWEST_OPSET <= self.opset <= self.highest_opset:
            raise _wrong(
                f"opset {self.opset} is outside of {LOWEST_OPSET} to {self.highest_opset}, which "
                f"archc writes and onnxruntime {_version(self.runtime)} reads"
            )

    @property
    def highest_opset(self) -> int:
        """The highest opset that the runtime reads and archc writes."""
        return self._reads[0]

    @property
    def limit(self) -> int:
        """The highest opset that a step may ask for by itself.

        Native attention and the like are wanted only where the target says so.
        """
        return self.opset or min(self.highest_opset, NATIVE_OPSET - 1)

    @property
    def native(self) -> bool:
        """Whether attention and RMS normalisation are single nodes."""
        return self.opset is not None and self.opset >= NATIVE_OPSET

    def ir_version(self, opset: int) -> int:
        """The IR version of a file with this opset: the highest that the oldest runtime reads."""
        return min(ir for highest, ir in _READS.values() if highest >= opset)

    @property
    def _reads(self) -> tuple[int, int]:
        known = max(version for version in _READS if version <= self.runtime)
        return _READS[known]


def _meaning(word: str) -> tuple[str, object]:
    """The field that a word sets, and what to. Raises UsageError E602."""
    if word in _DEVICES:
        return "device", word
    if word in _PRECISIONS:
        return "precision", word
    if word == "fp16-io":
        return "half_io", True
    if word.startswith("opset=") and word[6:].isdecimal() and len(word) < 10:
        return "opset", int(word[6:])
    found = _RUNTIME.fullmatch(word)
    if found is not None:
        return "runtime", (int(found[1]), int(found[2]))
    raise _wrong(f"'{word[:40]}' is no part of a target", did_you_mean(word, _WORDS))


def _wrong(message: str, help: str = "") -> ArchcError:
    return UsageError.of("E602", message, help=help or f"a target is written {_EXAMPLE}")


def _version(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
