"""What is known of language without hearing anything: how words are spelled, and which follow which."""

from asrtrain.language.arpa import read_arpa
from asrtrain.language.bigrams import Bigrams, estimate
from asrtrain.language.grammar import Grammar, loop_grammar
from asrtrain.language.lexicon import SpellingUnit, read_lexicon, spellings
from asrtrain.language.models import LANGUAGE_MODELS, LanguageModel, LanguageModelConfig

__all__ = [
    "LANGUAGE_MODELS",
    "Bigrams",
    "Grammar",
    "LanguageModel",
    "LanguageModelConfig",
    "SpellingUnit",
    "estimate",
    "loop_grammar",
    "read_arpa",
    "read_lexicon",
    "spellings",
]
