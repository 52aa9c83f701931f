"""Searches: from scores to text."""

from asrtrain.search.classes import GreedyClasses
from asrtrain.search.ctc_greedy import CTCGreedy
from asrtrain.search.interface import LabelScorer, Search
from asrtrain.search.labels import LabelSearch

__all__ = ["CTCGreedy", "GreedyClasses", "LabelScorer", "LabelSearch", "Search"]
