"""Paired comparisons: variants of one run, what came of each, and which differences are real."""

from asrtrain.comparison.findings import Comparison
from asrtrain.comparison.shorthand import rule_setting
from asrtrain.comparison.trial import Trial
from asrtrain.comparison.variants import Variant, variants_of

__all__ = ["Comparison", "Trial", "Variant", "rule_setting", "variants_of"]
