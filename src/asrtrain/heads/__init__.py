"""Heads: what is learnt from hidden frames. Adding one is one file and one line here."""

from asrtrain.heads.attention import AttentionConfig
from asrtrain.heads.cross_entropy import CrossEntropyConfig
from asrtrain.heads.ctc import CTCConfig
from asrtrain.heads.feasibility import ctc_feasible
from asrtrain.heads.interface import Head, HeadBuilder, HeadConfig
from asrtrain.heads.mae import MAEConfig

HEADS: dict[str, type[HeadConfig]] = {
    "cross_entropy": CrossEntropyConfig,
    "mae": MAEConfig,
    "ctc": CTCConfig,
    "attention": AttentionConfig,
}

__all__ = ["HEADS", "Head", "HeadBuilder", "HeadConfig", "ctc_feasible"]
