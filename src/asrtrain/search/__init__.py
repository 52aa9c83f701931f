"""Searches: from scores to text."""

from asrtrain.search.classes import GreedyClasses
from asrtrain.search.ctc_greedy import CTCGreedy
from asrtrain.search.interface import Search

__all__ = ["CTCGreedy", "GreedyClasses", "Search"]
