"""What is found out about the parts of a step: its utterances, modules, parameters and recurrences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

Direction = Literal["forward", "backward"]


@final
@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """What an utterance's features are like: figures over all finite ones; shares of frames are 0 to 1.

    ``silence`` is the share of frames whose level (the first feature) lies in the lowest tenth of its range.
    """

    minimum: float
    maximum: float
    mean: float
    deviation: float
    not_finite: int
    first_not_finite: int | None
    constant: bool
    silence: float


@final
@dataclass(frozen=True, slots=True)
class UtteranceFacts:
    """One utterance of the step, on its own: its loss, the norm of its gradient, and what it is.

    feasible says whether the objective counts it, which needs frames enough for what is said; frames are feature
    frames, scored those that are scored.
    """

    id: str
    loss: float
    norm: float
    frames: int
    scored: int
    labels: int
    repeats: int
    feasible: bool
    features: FeatureFacts


@final
@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """How much larger numbers come out of a module than go in, compared with what is usual for it.

    Growth is the largest magnitude out by the largest in, of the utterance where it is most unusual; usual is the
    median over sound utterances. None where nothing passed, or nothing finite. Excess is in orders of magnitude.
    """

    name: str
    kind: str
    forward: float | None
    forward_usual: float | None
    backward: float | None
    backward_usual: float | None
    forward_excess: float
    backward_excess: float


@final
@dataclass(frozen=True, slots=True)
class Producer:
    """Where it began. ``excess`` is by how many orders of magnitude more than usual the module let numbers grow.

    It is infinite where they became none. how says it in words.
    """

    module: str
    kind: str
    direction: Direction
    excess: float
    how: str


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """A moment: the frame of ``of`` at the module's rate, and the first and last feature frame that it stands for."""

    index: int
    of: int
    first_feature_frame: int
    last_feature_frame: int


@final
@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """A parameter that is not as it should be: how many weights are no numbers, and the magnitudes of the others."""

    name: str
    not_finite: int
    largest: float
    usual: float


@final
@dataclass(frozen=True, slots=True)
class RecurrenceFacts:
    """The gradient inside one recurrent layer and direction, for the guilty utterance alone.

    gradients are ‖∂L/∂h_t‖, leaving max |∂L/∂x_t| as the module gave it, and states ‖h_t‖, in the order of time;
    largest_input is max ‖x_t‖. growth is the factor by
    which the gradient grows a frame on its way back (the slope of its logarithm), rise its largest by the largest that
    arrived from above, onset the frame where it has grown half as many orders of magnitude as it will. spectral are the
    largest singular values of the recurrent matrix, by gate; saturated the shares of gates (or units) at the end of
    their range. difference is how far the recurrence recomputed frame by frame lies from what the module gave.
    """

    module: str
    kind: str
    reversed: bool
    gradients: tuple[float, ...]
    leaving: tuple[float, ...]
    states: tuple[float, ...]
    largest_input: float
    growth: float | None
    rise: float
    onset: int | None
    spectral: Mapping[str, float]
    saturated: Mapping[str, float]
    difference: float
