"""Names of parameters in words."""

from __future__ import annotations

import re

_RECURRENT = re.compile(r"(?P<kind>weight|bias)_(?P<link>ih|hh|hr)_l(?P<layer>\d+)(?P<reverse>_reverse)?")
"""How torch's recurrent modules name their parameters."""

_LINKS = {"ih": "input-to-hidden", "hh": "hidden-to-hidden", "hr": "projection"}


def in_words(parameter: str) -> str:
    """``layers.1.forwards.weight_hh_l0`` as "layer 1 forwards hidden-to-hidden".

    Numbers are those of the name, from 0. The layer number of a recurrent module is left out where it is 0 and the
    module stands in a numbered place already.
    """
    *modules, own = parameter.removeprefix("encoder.").removeprefix("heads.").split(".")
    words: list[str] = []
    for module in modules:
        if module.isdigit() and words:
            words[-1] = re.sub("(?<!s)s$", "", words[-1])
        words += module.split("_")
    words += _own_words(own, placed=any(module.isdigit() for module in modules))
    return " ".join(word for word, before in zip(words, ["", *words], strict=False) if word != before)


def _own_words(own: str, *, placed: bool) -> list[str]:
    match = _RECURRENT.fullmatch(own)
    if match is None:
        return own.split("_")
    layer = [] if placed and match["layer"] == "0" else ["layer", match["layer"]]
    direction = ["backwards"] if match["reverse"] else []
    bias = ["bias"] if match["kind"] == "bias" else []
    return [*layer, *direction, _LINKS[match["link"]], *bias]
