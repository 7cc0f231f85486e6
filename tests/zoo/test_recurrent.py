"""Recurrent networks equal torch.nn's by value, and walked step by step they equal themselves."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo.both import BACKENDS, Networks, close, drawn

import archc
import archc_onnx

SMALL = {"vocab": 11, "dim": 5, "hidden": 4}
CELLS = {"rnn_lm": nn.RNN, "lstm_lm": nn.LSTM, "gru_lm": nn.GRU}
both = pytest.mark.parametrize("backend", BACKENDS)


def tokens(*shape: int, seed: int = 0, vocab: int = 11) -> Tensor:
    return torch.randint(vocab, shape, generator=torch.Generator().manual_seed(seed))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- language models


class LanguageModel(nn.Module):
    def __init__(self, cell: type[nn.RNNBase]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.rnn = cell(5, 4, num_layers=2, batch_first=True)
        self.decoder = nn.Linear(4, 11)

    def forward(self, tokens: Tensor, state: object = None) -> tuple[Tensor, list[Tensor]]:
        y, state = self.rnn(self.embedding(tokens), state)
        return self.decoder(y), [state] if isinstance(state, Tensor) else list(state)


@both
@pytest.mark.parametrize("variant", CELLS)
def test_a_language_model_is_torchs(variant: str, backend: str, tmp_path) -> None:
    reference = LanguageModel(CELLS[variant])
    state = drawn(reference, "lm.")
    network = Networks(archc.compile(variant, set=SMALL), state, tmp_path, backend)
    logits, states = reference(tokens(3, 7))
    found = network(tokens=tokens(3, 7))
    assert list(found) == ["logits", *(f"state.{k}" for k in range(len(states)))]
    close(found["logits"], logits)
    for k, state in enumerate(states):
        close(found[f"state.{k}"], state)


@both
@pytest.mark.parametrize("variant", CELLS)
def test_a_language_model_says_the_same_word_by_word(variant: str, backend: str, tmp_path) -> None:
    state = drawn(LanguageModel(CELLS[variant]), "lm.")
    network = Networks(archc.compile(variant, set=SMALL), state, tmp_path, backend)
    text = tokens(3, 7).numpy()
    whole = network(tokens=text)
    carried = {name: np.zeros((2, 3, 4), np.float32) for name in whole if name.startswith("state")}
    begun = carried
    for t in range(7):
        one = network("step", token=text[:, t], **carried)
        close(one["logits"], whole["logits"][:, t])
        carried = {name: one[name] for name in carried}
    for name, value in carried.items():
        close(value, whole[name])
    first = network("resume", tokens=text[:, :4], **begun)
    rest = network("resume", tokens=text[:, 4:], **{name: first[name] for name in begun})
    close(rest["logits"], whole["logits"][:, 4:])
    for name in begun:
        close(rest[name], whole[name])


def test_a_gru_resets_after_the_product_and_that_is_another_network_than_before_it(
    tmp_path,
) -> None:
    program = archc.compile("gru_lm", set={**SMALL, "layers": 1})
    reference = LanguageModel(nn.GRU)
    reference.rnn = nn.GRU(5, 4, batch_first=True)
    state = drawn(reference, "lm.")
    archc_onnx.export(program, tmp_path / "m.onnx", weights=state)
    (node,) = (n for n in onnx.load(tmp_path / "m.onnx").graph.node if n.op_type == "GRU")
    flags = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert flags["linear_before_reset"] == 1

    x = reference.embedding(tokens(3, 6))
    after, before = by_hand(reference.rnn, x, after=True), by_hand(reference.rnn, x, after=False)
    found = Networks(program, state, tmp_path, "onnxruntime")(tokens=tokens(3, 6))["state.0"][0]
    close(found, after)
    assert (after - before).abs().max() > 0.01


def by_hand(gru: nn.GRU, x: Tensor, after: bool) -> Tensor:
    """The last state, with the reset gate after or before the product with the state's weights."""
    w_n, b_n = gru.weight_hh_l0[8:], gru.bias_hh_l0[8:]
    h = x.new_zeros(len(x), 4)
    for now in x.unbind(1):
        gates = F.linear(now, gru.weight_ih_l0, gru.bias_ih_l0)
        held = F.linear(h, gru.weight_hh_l0[:8], gru.bias_hh_l0[:8])
        r, z = (gates[:, :8] + held).sigmoid().chunk(2, dim=1)
        kept = r * F.linear(h, w_n, b_n) if after else F.linear(r * h, w_n, b_n)
        h = (1 - z) * (gates[:, 8:] + kept).tanh() + z * h
    return h


# ---- classifiers


class Classifier(nn.Module):
    def __init__(self, cell: type[nn.RNNBase], layers: int, both: bool) -> None:
        super().__init__()
        self.both = both
        self.embedding = nn.Embedding(11, 5)
        self.rnn = cell(5, 4, num_layers=layers, bidirectional=both, batch_first=True)
        self.classifier = nn.Linear(8 if both else 4, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        y, _ = self.rnn(self.embedding(tokens))
        last = torch.cat([y[:, -1, :4], y[:, 0, 4:]], dim=1) if self.both else y[:, -1]
        return self.classifier(last)


@both
@pytest.mark.parametrize(
    ("variant", "reference"),
    [
        ("lstm_classifier", Classifier(nn.LSTM, 1, False)),
        ("gru_classifier", Classifier(nn.GRU, 1, False)),
        ("bilstm_sentiment", Classifier(nn.LSTM, 2, True)),
    ],
)
def test_a_classifier_is_torchs(variant: str, reference: nn.Module, backend: str, tmp_path) -> None:
    program = archc.compile(variant, set=SMALL)
    network = Networks(program, drawn(reference), tmp_path, backend)
    close(network(tokens=tokens(3, 7))["logits"], reference(tokens(3, 7)))


# ---- series


class LSTNet(nn.Module):
    """Lai et al., 2018: 5 series, a window of 30 and a period of 4, told `horizon` values ahead."""

    def __init__(self, horizon: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.conv1 = nn.Conv2d(1, 7, kernel_size=(3, 5))
        self.GRU1 = nn.GRU(7, 6, batch_first=True)
        self.GRUskip = nn.GRU(7, 2, batch_first=True)
        self.linear1 = nn.Linear(6 + 4 * 2, horizon * 5)
        self.highway = nn.Linear(8, horizon)

    def forward(self, x: Tensor) -> Tensor:
        patterns = self.conv1(x.unsqueeze(1)).relu()[..., 0].transpose(1, 2)  # [N, 28, 7]
        said = [self.GRU1(patterns)[1][0]]
        periods = patterns[:, -24:]  # the whole ones that are sure to fit: (30 - 3) // 4
        said += [self.GRUskip(periods[:, phase::4])[1][0] for phase in range(4)]
        network = self.linear1(torch.cat(said, dim=1)).unflatten(1, (self.horizon, 5))
        return network + self.highway(x[:, -8:].transpose(1, 2)).transpose(1, 2)


@both
@pytest.mark.parametrize("horizon", [1, 3])
def test_the_forecaster_is_lstnet(horizon: int, backend: str, tmp_path) -> None:
    reference = LSTNet(horizon)
    sizes = {
        "features": 5, "window": 30, "horizon": horizon, "filters": 7, "kernel": 3,
        "hidden": 6, "period": 4, "skip_hidden": 2, "linear_window": 8,
    }  # fmt: skip
    program = archc.compile("forecaster", set=sizes)
    history = noise(3, 30, 5)
    found = Networks(program, drawn(reference), tmp_path, backend)(history=history)["forecast"]
    assert found.shape == (3, horizon, 5)
    close(found, reference(history))


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 3)
        self.rnn = nn.LSTMCell(3, 4)


class Reconstruction(nn.Module):
    """Malhotra et al., 2016: a window of 3 series, told again from its end to its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"rnn": nn.LSTM(3, 4, batch_first=True)})
        self.decoder = Decoder()

    def forward(self, series: Tensor, guided: bool) -> Tensor:
        _, (h, c) = self.encoder.rnn(series)
        h, c = h[0], c[0]
        told = []
        for t in reversed(range(series.shape[1])):
            told.insert(0, self.decoder.out(h))
            h, c = self.decoder.rnn(series[:, t] if guided else told[0], (h, c))
        return torch.stack(told, dim=1)


def fitted() -> dict[str, Tensor]:
    factor = noise(3, 3, seed=1)
    return {
        "anomaly_detector.score.mean": noise(3, seed=2),
        "anomaly_detector.score.precision": factor @ factor.T + torch.eye(3),
    }


@both
def test_the_anomaly_detector_tells_the_window_again(backend: str, tmp_path) -> None:
    reference = Reconstruction()
    weights = {**drawn(reference), **fitted()}
    program = archc.compile("anomaly_detector", set={"features": 3, "hidden": 4})
    network = Networks(program, weights, tmp_path, backend)
    series = noise(2, 6, 3)
    found = network(series=series)
    expected = reference(series, guided=False)
    close(found["reconstruction"], expected)
    close(found["error"], (series - expected).abs())
    close(network("guided", series=series)["reconstruction"], reference(series, guided=True))

    normal = torch.distributions.MultivariateNormal(
        weights["anomaly_detector.score.mean"],
        precision_matrix=weights["anomaly_detector.score.precision"],
    )
    errors = (series - expected).abs()
    close(found["score"], 2 * (normal.log_prob(normal.mean) - normal.log_prob(errors)))


def test_before_it_is_fitted_the_score_is_the_squared_error(tmp_path) -> None:
    program = archc.compile("anomaly_detector", set={"features": 3, "hidden": 4})
    found = Networks(program, None, tmp_path, "PyTorch")(series=noise(2, 6, 3))
    close(found["score"], (found["error"] ** 2).sum(axis=2))


# ---- translation


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.rnn = nn.LSTM(5, 4, bidirectional=True, batch_first=True)
        self.keys = nn.Linear(8, 6, bias=False)
        self.bridge = nn.Linear(8, 4)


class DecoderStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(4, 6)
        self.score = nn.Linear(6, 1, bias=False)
        self.embedding = nn.Embedding(11, 5)
        self.cell = nn.LSTMCell(8 + 5, 4)
        self.output = nn.Linear(4 + 8 + 5, 11)


class Translation(nn.Module):
    """Bahdanau et al., 2015, with LSTM cells."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder_step = DecoderStep()

    def forward(self, source: Tensor, mask: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        encoder, decoder = self.encoder, self.decoder_step
        memory, _ = encoder.rnn(encoder.embedding(source))
        keys = encoder.keys(memory)
        h = encoder.bridge(memory[:, 0]).tanh()
        c = torch.zeros_like(h)
        logits, weights = [], []
        for token in target.unbind(1):
            match = decoder.score((decoder.query(h)[:, None] + keys).tanh())[..., 0]
            weights.append(match.masked_fill(~mask, -torch.inf).softmax(dim=1))
            context = (weights[-1][..., None] * memory).sum(dim=1)
            word = decoder.embedding(token)
            h, c = decoder.cell(torch.cat([word, context], dim=1), (h, c))
            logits.append(decoder.output(torch.cat([h, context, word], dim=1)))
        return torch.stack(logits, dim=1), torch.stack(weights, dim=1)


@both
def test_translation_with_attention_whole_and_word_by_word(backend: str, tmp_path) -> None:
    reference = Translation()
    program = archc.compile("seq2seq", set={"vocab": 11, "embed": 5, "hidden": 4, "align": 6})
    network = Networks(program, drawn(reference), tmp_path, backend)
    source, target = tokens(3, 6), tokens(3, 5, seed=1)
    mask = torch.arange(6) < torch.tensor([[6], [3], [1]])
    logits, weights = reference(source, mask, target)
    whole = network(source=source, mask=mask, target=target)
    close(whole["logits"], logits)
    close(whole["weights"], weights)
    assert not whole["weights"][~mask.numpy()[:, None].repeat(5, axis=1)].any()

    read = network("encoder", source=source)
    kept = {name: read.pop(name) for name in ("memory", "keys")}
    for t, token in enumerate(target.unbind(1)):
        one = network("decoder_step", token=token, mask=mask, **kept, **read)
        close(one["logits"], whole["logits"][:, t])
        close(one["weights"], whole["weights"][:, t])
        read = {name: one[name] for name in read}
