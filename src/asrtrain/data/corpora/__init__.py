"""Corpora by name: one file each, and this table."""

from asrtrain.data.corpora.an4 import AN4Config
from asrtrain.data.corpora.common_voice import CommonVoiceConfig
from asrtrain.data.corpora.fsdd import FSDDConfig
from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig
from asrtrain.data.corpora.librispeech import LibriSpeechConfig, MiniLibriSpeechConfig
from asrtrain.data.corpora.speech_commands import SpeechCommandsConfig
from asrtrain.data.corpora.yesno import YesNoConfig

CORPORA: dict[str, type[CorpusConfig]] = {
    "an4": AN4Config,
    "common_voice": CommonVoiceConfig,
    "fsdd": FSDDConfig,
    "librispeech": LibriSpeechConfig,
    "mini_librispeech": MiniLibriSpeechConfig,
    "speech_commands": SpeechCommandsConfig,
    "yesno": YesNoConfig,
}

__all__ = ["CORPORA", "Archive", "Card", "CorpusConfig"]
