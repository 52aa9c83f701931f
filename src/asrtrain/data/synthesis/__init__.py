"""The embedded default: digits and digit strings spoken by espeak-ng, in many voices, offline."""

from asrtrain.data.synthesis.source import SynthConfig

__all__ = ["SynthConfig"]
