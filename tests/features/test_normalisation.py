"""Means, levels and variances over real frames, by formula."""

from __future__ import annotations

import pytest
import torch

from asrtrain.errors import DataError
from asrtrain.features.normalisation import Normalise, Normaliser, Variance


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    features = torch.randn(4, 9, 6, generator=torch.Generator().manual_seed(0)) * 3 + torch.arange(6.0)
    lengths = torch.tensor([9, 5, 2, 1])
    return features * (torch.arange(9) < lengths[:, None])[:, :, None], lengths


def test_utterance(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    normalised = Normaliser("utterance", "kept", 6, 6)(features, lengths)
    for row, before, count in zip(normalised[:3], features, lengths, strict=False):
        x = before[:count]
        torch.testing.assert_close(row[:count], (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt())
        assert not row[count:].any()
    assert not normalised[3].any()


def test_utterance_mean(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    normalised = Normaliser("utterance_mean", "kept", 6, 6)(features, lengths)
    torch.testing.assert_close(normalised[1, :5], features[1, :5] - features[1, :5].mean(0))


def test_utterance_level_spares_the_spectrum_s_shape(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    normalised = Normaliser("utterance_level", "kept", 6, 4)(features, lengths)
    torch.testing.assert_close(normalised[1, :5, :4], features[1, :5, :4] - features[1, :5, :4].mean())
    torch.testing.assert_close(normalised[1, :5, 4:], features[1, :5, 4:])


def test_utterance_half_lies_between_level_and_mean(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    level, half, mean = (
        Normaliser(mode, "kept", 6, 4)(features, lengths)
        for mode in ("utterance_level", "utterance_half", "utterance_mean")
    )
    torch.testing.assert_close(half, (level + mean) / 2)


def test_global_variance_after_a_mean_of_one_s_own(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    normaliser = Normaliser("utterance_mean", "global", 6, 6)
    normaliser.fit([(features[:2], lengths[:2], ("", "")), (features[2:], lengths[2:], ("", ""))])
    centred = [x[:n] - x[:n].mean(0) for x, n in zip(features, lengths, strict=True)]
    deviation = torch.cat(centred).square().mean(0).sqrt()
    torch.testing.assert_close(normaliser(features, lengths)[1, :5], centred[1] / deviation, rtol=1e-4, atol=1e-4)


def test_a_speaker_s_statistics_are_his_own(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    normaliser = Normaliser("speaker", "kept", 6, 6)
    normaliser.fit([(features, lengths, ("anna", "anna", "otto", ""))])
    assert sorted(normaliser.state_dict()) == ["normalisation.anna", "normalisation.otto"]
    normalised = normaliser(features, lengths, ("anna", "anna", "otto", "nobody"))
    anna = torch.cat([normalised[0], normalised[1, :5]])
    torch.testing.assert_close(anna.mean(0), torch.zeros(6), rtol=0, atol=1e-5)
    torch.testing.assert_close(anna.std(0, unbiased=False), torch.ones(6), rtol=0, atol=1e-4)
    assert normalised[0].mean(0).abs().max() > 1e-2  # and not the utterance's
    assert not normalised[3].any()  # one frame of a stranger, normalised over itself
    normaliser.fit([(features[2:], lengths[2:], ("otto", "eva"))])
    assert sorted(normaliser.state_dict()) == ["normalisation.anna", "normalisation.eva", "normalisation.otto"]


def test_the_statistics_of_training_stay_whatever_is_measured_next(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    for mode, speakers in (("speaker", ("anna", "anna", "otto", "otto")), ("global", ("",) * 4)):
        normaliser = Normaliser(mode, "kept", 6, 6)
        normaliser.fit([(features, lengths, speakers)])
        before = {name: value.clone() for name, value in normaliser.state_dict().items()}
        for measure in (normaliser.fit, normaliser.meet):
            measure([(features * 7 + 1, lengths, speakers)])
            assert all(torch.equal(normaliser.state_dict()[name], value) for name, value in before.items())


def test_speakers_who_are_met_are_normalised_and_not_kept(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    normaliser = Normaliser("speaker", "kept", 6, 6)
    normaliser.fit([(features[:2], lengths[:2], ("anna", "anna"))])
    known = normaliser(features[:2], lengths[:2], ("anna", "anna"))
    normaliser.meet([(3 * features[:2], lengths[:2], ("eva", "eva"))])
    met = normaliser(features[:2], lengths[:2], ("eva", "eva"))
    normaliser.meet([(features, lengths, ("otto", "anna", "eva", "eva"))])
    assert sorted(normaliser.state_dict()) == ["normalisation.anna"]
    assert sorted(normaliser.measured()) == ["normalisation.anna", "normalisation.eva", "normalisation.otto"]
    assert torch.equal(normaliser(features[:2], lengths[:2], ("anna", "anna")), known)
    assert not torch.equal(normaliser(features[:2], lengths[:2], ("eva", "eva")), met)  # another eva
    normaliser.meet([(3 * features[:2], lengths[:2], ("eva", "eva"))])
    assert torch.equal(normaliser(features[:2], lengths[:2], ("eva", "eva")), met)  # whoever was met in between


def test_a_normalisation_by_speaker_wants_speakers(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = batch
    with pytest.raises(DataError, match="no training utterance says who speaks"):
        Normaliser("speaker", "kept", 6, 6).fit([(features, lengths, ("",) * 4)])


@pytest.mark.parametrize(("mode", "variance"), [("global", "kept"), ("speaker", "kept"), ("utterance", "global")])
def test_padding_stays_zero_where_statistics_are_measured(
    batch: tuple[torch.Tensor, torch.Tensor], mode: Normalise, variance: Variance
) -> None:
    features, lengths = batch
    normaliser, speakers = Normaliser(mode, variance, 6, 6), ["a", "b", "b", "a"]
    normaliser.fit([(features, lengths, speakers)])
    normalised = normaliser(features, lengths, speakers)
    assert normalised[0].all()
    for row, count in zip(normalised, lengths.tolist(), strict=True):
        assert not row[count:].any()
