"""Metrics are torchmetrics' numbers, by our names; what cannot be measured is said at once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.classification import BinaryAUROC
from train.specs import CLASSIFIER, data, made

from archc.errors import SpecError
from archc.train import Moment
from archc.train.measures import result_names
from archc.train.section import Metric
from archc_train.device import Device
from archc_train.evaluate import evaluate
from archc_train.metrics import METRICS, RANKINGS, Measured
from archc_train.trainee import Trainee

NOW = {"train": Moment(0, 0.0, 0.0)}


def measured(kind: str, *batches: tuple[torch.Tensor, ...], **options: object) -> float:
    names = tuple(f"value{k}" for k in range(len(batches[0])))
    one = Measured(Metric(kind, kind, names, options), dict.fromkeys(names))
    for batch in batches:
        one.update(dict(zip(names, batch, strict=True)), len(batch[0]))
    return one.value()


def halves(*values: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """The values in two batches of different sizes."""
    return list(zip(*(value.split((len(value) + 5) // 2) for value in values), strict=True))


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", ["accuracy", "precision", "recall", "f1"])
def test_what_logits_mean_does_not_depend_on_their_batch(kind: str) -> None:
    """A batch of logits that are all from 0 to 1 is one of logits."""
    logits, label = torch.tensor([0.3, 0.4, -2.0, 3.0]), torch.tensor([1, 1, 0, 1])
    batches = list(zip(logits.split(2), label.split(2), strict=True))
    assert measured(kind, *batches) == measured(kind, (logits, label)) == 1


def test_accuracy_of_classes_positions_and_two_classes() -> None:
    logits, label = torch.randn(20, 5), torch.randint(0, 5, (20,))
    right = (logits.argmax(1) == label).float().mean()
    assert measured("accuracy", *halves(logits, label)) == pytest.approx(float(right))
    top = (logits.topk(2).indices == label[:, None]).any(1).float().mean()
    assert measured("accuracy", (logits, label), top_k=2) == pytest.approx(float(top))
    logits, label = torch.randn(6, 7, 5), torch.randint(0, 5, (6, 7))  # tokens: classes last
    right = (logits.argmax(-1) == label).float().mean()
    assert measured("accuracy", (logits, label)) == pytest.approx(float(right))
    logits, label = torch.randn(6, 5, 4, 4), torch.randint(0, 5, (6, 4, 4))  # pixels: axis 1
    right = (logits.argmax(1) == label).float().mean()
    assert measured("accuracy", (logits, label)) == pytest.approx(float(right))
    for logits in (torch.randn(20), torch.randn(20, 1)):
        label = torch.randint(0, 2, (20,))
        right = ((logits.flatten() > 0) == label).float().mean()
        assert measured("accuracy", *halves(logits, label)) == pytest.approx(float(right))


def test_ranking_metrics() -> None:
    scores, label = torch.randn(40), torch.randint(0, 2, (40,))
    above = scores[label == 1][:, None] > scores[label == 0][None]
    assert measured("auroc", *halves(scores, label)) == pytest.approx(float(above.float().mean()))
    order = scores.argsort(descending=True)
    hits = label[order].float()
    precision = hits.cumsum(0) / torch.arange(1, 41)
    assert measured("average_precision", (scores, label)) == pytest.approx(
        float((precision * hits).sum() / hits.sum()), abs=1e-6
    )


def batches_of(size: int, *values: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    return list(zip(*(value.split(size) for value in values), strict=True))


SCORES = {
    "large": lambda x: 40 * x + 60,  # of these a float32 sigmoid makes ones
    "tiny": lambda x: 1e-30 * x,
    "of all sizes": lambda x: x.sign() * 10 ** (20 * x.roll(1)),
    "tied": lambda x: 25 * (2 * x).round(),
    "near one": lambda x: x.abs() / x.abs().max() * 1.05,  # some batches are between 0 and 1
    "two zeros": lambda x: torch.tensor([0.0, -0.0, 3.0, 0.0]).repeat(50),
    "short": lambda x: (40 * x).half(),
}


@pytest.mark.parametrize("name", SCORES)
def test_rankings_are_those_of_scikit_learn_whatever_the_scores(name: str) -> None:
    scores = SCORES[name](torch.randn(200).double())
    label = (scores.double().argsort().argsort() + 80 * torch.randn(200) > 100).long()
    found = [measured(kind, *batches_of(7, scores, label)) for kind in RANKINGS]
    wanted = [score(label, scores.double()) for score in (roc_auc_score, average_precision_score)]
    assert found == pytest.approx(wanted, abs=1e-6)
    assert 0.55 < found[0] < 0.99


def test_torchmetrics_alone_takes_large_scores_for_equal() -> None:
    """Why scores are ranked: if this fails one day, they need not be."""
    scores, label = torch.tensor([20.0, 30.0, 40.0, 50.0]), torch.tensor([0, 1, 0, 1])
    alone = BinaryAUROC()
    alone.update(scores, label)
    assert float(alone.compute()) == 0.5
    assert measured("auroc", (scores, label)) == roc_auc_score(label, scores) == 0.75


def test_rankings_of_several_classes_are_those_of_their_odds() -> None:
    """One class against the others, by its softmax, also where that is one or zero."""
    label = torch.randint(0, 4, (150,))
    for size in (1.0, 60.0):
        logits = size * (torch.randn(150, 4) + F.one_hot(label, 4)).double()
        others = [logits[:, [j for j in range(4) if j != k]] for k in range(4)]
        odds = [logits[:, k] - others[k].logsumexp(1) for k in range(4)]
        each = [roc_auc_score(label == k, odds[k]) for k in range(4)]
        found = measured("auroc", *batches_of(11, logits, label))
        assert found == pytest.approx(sum(each) / 4, abs=1e-6)
        grid = logits.reshape(50, 3, 4)  # classes last, as tokens have them
        assert measured("auroc", (grid, label.reshape(50, 3))) == pytest.approx(found, abs=1e-6)
        if size == 1.0:
            shares = logits.softmax(1)
            whole = roc_auc_score(label, shares, multi_class="ovr")
            assert found == pytest.approx(whole, abs=1e-6)
            assert measured("auroc", *batches_of(11, shares, label)) == pytest.approx(whole)


def test_thresholds_are_of_probabilities_not_of_ranks() -> None:
    scores, label = torch.rand(90), torch.randint(0, 2, (90,))
    alone = BinaryAUROC(thresholds=4)
    alone.update(scores, label)
    found = measured("auroc", *batches_of(90, scores, label), thresholds=4)
    assert found == pytest.approx(float(alone.compute()))
    assert found != pytest.approx(measured("auroc", (scores, label)), abs=1e-4)


def test_a_score_that_is_no_number_is_not_ranked() -> None:
    scores, label = torch.tensor([0.1, float("nan"), 0.7]), torch.tensor([0, 1, 1])
    assert math.isnan(measured("auroc", (scores, label)))
    scores[1] = float("inf")
    assert measured("auroc", (scores, label)) == 1.0


@pytest.mark.parametrize("kind", ["auroc", "average_precision"])
def test_a_ranking_without_items_of_every_class_means_nothing(kind: str) -> None:
    names = ("scores", "label")
    scores, shares = torch.randn(6), torch.randn(6, 3)
    for given, labels, told in (
        (scores, [0, 0, 0, 0, 0, 0], False),
        (scores, [1, 1, 1, 1, 1, 1], False),
        (scores, [0, 0, 0, 0, 0, 1], True),  # the second batch has one
        (shares, [0, 0, 1, 1, 0, 1], False),
        (shares, [0, 0, 1, 1, 0, 2], True),
    ):
        one = Measured(Metric(kind, kind, names), dict.fromkeys(names))
        for batch in halves(given, torch.tensor(labels)):
            one.update(dict(zip(names, batch, strict=True)), len(batch[0]))
        assert (one.value() is not None) == told
    one = Measured(Metric(kind, kind, names, {"ignore_index": -1}), dict.fromkeys(names))
    one.update({"scores": scores, "label": torch.tensor([0, 0, 0, -1, -1, -1])}, 6)
    assert one.value() is None


def test_precision_recall_and_f1_are_means_over_classes() -> None:
    logits, label = torch.randn(60, 3), torch.randint(0, 3, (60,))
    said = logits.argmax(1)
    precisions = [float(((said == k) & (label == k)).sum() / (said == k).sum()) for k in range(3)]
    recalls = [float(((said == k) & (label == k)).sum() / (label == k).sum()) for k in range(3)]
    f1 = [2 * p * r / (p + r) for p, r in zip(precisions, recalls, strict=True)]
    batches = halves(logits, label)
    assert measured("precision", *batches) == pytest.approx(sum(precisions) / 3)
    assert measured("recall", *batches) == pytest.approx(sum(recalls) / 3)
    assert measured("f1", *batches) == pytest.approx(sum(f1) / 3)


def test_distances() -> None:
    x, y = torch.randn(21, 4), torch.randn(21, 4)
    batches = halves(x, y)
    assert measured("mse", *batches) == pytest.approx(float(F.mse_loss(x, y)), rel=1e-5)
    assert measured("rmse", *batches) == pytest.approx(float(F.mse_loss(x, y).sqrt()), rel=1e-5)
    assert measured("mae", *batches) == pytest.approx(float(F.l1_loss(x, y)), rel=1e-5)
    x, y = torch.randn(21), torch.randn(21)
    share = 1 - (x - y).square().sum() / (y - y.mean()).square().sum()
    assert measured("r2", *halves(x, y)) == pytest.approx(float(share), rel=1e-4)


def test_pictures_and_texts() -> None:
    x, y = torch.rand(3, 1, 16, 16), torch.rand(3, 1, 16, 16)
    expected = 10 * torch.log10(1 / F.mse_loss(x, y))
    assert measured("psnr", (x, y)) == pytest.approx(float(expected), rel=1e-4)
    assert measured("ssim", (x, x)) == pytest.approx(1.0)
    logits, tokens = torch.randn(4, 6, 9), torch.randint(0, 9, (4, 6))
    nats = F.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    assert measured("perplexity", *halves(logits, tokens)) == pytest.approx(
        float(nats.exp()), rel=1e-4
    )


def test_a_mean_counts_items_not_batches() -> None:
    values = torch.randn(11)
    assert measured("mean", *halves(values)) == pytest.approx(float(values.mean()), rel=1e-5)


def test_every_metric_was_tried() -> None:
    text = Path(__file__).read_text("utf-8")
    assert all(f'measured("{name}"' in text for name in METRICS)


@pytest.mark.parametrize(
    ("metric", "code"),
    [
        ("{accuracy: {tops: 5}, in: [logits, label]}", "E207"),
        ("{ssim: [logits, x]}", "E207"),
        ("{mse: [logits, x]}", "E207"),
    ],
)
def test_what_cannot_be_measured_is_said(metric: str, code: str) -> None:
    program, training, graphs = made(
        CLASSIFIER.replace("{accuracy: [logits, label]}", f"{{odd: {metric}}}")
    )
    trainee, device = Trainee(program, graphs, None, 0), Device(cpu=True)
    with pytest.raises(SpecError, match="odd") as caught:
        evaluate(trainee, training, graphs, NOW, data().val, device, trial=True)
    assert caught.value.diagnostics[0].code == code


def test_an_evaluation_tells_terms_loss_and_metrics_and_disturbs_nothing() -> None:
    program, training, graphs = made(CLASSIFIER)
    trainee, device = Trainee(program, graphs, None, 0), Device(cpu=True)
    trainee.train()
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in trainee.shared.items()}
    found = evaluate(trainee, training, graphs, NOW, data().val, device)
    assert list(found) == result_names(training) == ["loss", "accuracy"]
    assert trainee.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in trainee.shared.items())
    trainee.eval()
    batch = data().val.batch(torch.arange(40))
    with torch.no_grad():
        loss = trainee("train", batch)["loss"]
    assert found["loss"] == pytest.approx(float(loss), rel=1e-5)  # 40 items are no whole batches
    assert found == evaluate(trainee, training, graphs, NOW, data().val, device)


def test_a_metric_of_a_terms_name_is_told_once() -> None:
    text = CLASSIFIER.replace("{accuracy: [logits, label]}", "{loss: train.loss, seen: logits}")
    _, training, _ = made(text)
    assert result_names(training) == ["loss", "seen"]
