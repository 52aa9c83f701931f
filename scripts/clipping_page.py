"""Writes docs/clipping.md: every rule and threshold from its class, and the order of a step around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, get_args

from asrtrain.clipping import CLIPPERS, ClipRuleConfig
from asrtrain.clipping.cards import card_of
from asrtrain.clipping.parts.scopes import Scope
from asrtrain.clipping.thresholds import THRESHOLDS
from asrtrain.config.place import Plain
from asrtrain.config.reference import docstring, key_table
from asrtrain.config.writing import inline
from asrtrain.training.config import NonFiniteConfig, TrainingConfig

SCOPES = {
    "global": "all gradients together",
    "layer": "those of one module; in `nn.LSTM` and its like, of one layer and direction",
    "gate": "the rows of one gate of a recurrent layer and direction",
    "tensor": "one parameter",
    "unit": "one row of a matrix, one output channel of a convolution, a bias as a whole",
    "element": "one number",
}
HEAD = """\
# Gradient clipping

Written by `scripts/docs.py` from the code. `asrtrain clip list` shows the same rules on the terminal,
[explosion.md](explosion.md) tries all of them where gradients explode, and [literature.md](literature.md) shows what is
often said of clipping and is wrong.

`clipping:` takes one rule, or an ordered list of rules, in which each sees what the one before it left:

```yaml
clipping: {name: norm, scope: layer, threshold: {name: dynamic, quantile: 0.9}}
```
```yaml
clipping:
- centralize
- {name: agc, clip_factor: 0.01}
- {name: norm, threshold: 5.0}
```

In formulas g is a gradient, g_i an element of it, θ the weights, Δ what the optimiser does to the weights, N a norm, c
a threshold, t the step. Costs are passes over the gradients beside the norms of all tensors, which are measured at
every step anyway.

"""
ORDER = """\
## The order of a step

accumulate → all-reduce → unscale → measure → decide → clip → coupled L1 and L2 → optimiser → rules on updates →
schedule, weight average and counters, only if a step was taken.

- **Accumulate**: `training.accum_grad` batches, every utterance with the same weight. Rules that act inside the model
  or on each utterance's own gradient do so here.
- **All-reduce, unscale**: thresholds mean the same for any number of processes, and for any loss scale of fp16.
- **Measure, decide**: norms are taken in float32 or better, tied parameters once. A gradient that is not finite never
  reaches a rule that limits gradients; see below.
- **Clip**: the rules, in the order of the list. Put `centralize` and `noise` before those that limit.
- **L1 and L2**: {penalties}
- **Rules on updates** limit what the optimiser does to the weights, with momentum, weight decay and learning rate.

In a loop of your own ([examples/own_loop.py](../examples/own_loop.py) is a whole one), `clip(model.named_parameters())`
is all that most rules need. This serves every rule:

```python
from asrtrain.clipping import build_clipper

clip = build_clipper([{{"name": "per_utterance", "threshold": 1.0}}, {{"name": "max_change"}}])
clip.attach(model)  # for rules inside the model
clip.backward(losses, weight=1 / len(losses))  # in place of losses.mean().backward(): for rules on utterances
report = clip(model.named_parameters())
clip.step(optimizer)  # in place of optimizer.step(): for rules on updates
```

`clip` takes what torch's `clip_grad_norm_` takes: one parameter, several, or pairs of name and parameter. Every
gradient counts once, also where a parameter is listed twice; gradients that share memory get memory of their own.
Complex gradients and thresholds that float32 cannot hold are refused. An optimiser that wants a closure, such as LBFGS,
gets it by `clip.step(optimizer, closure)`; the closure calls `clip` after its backward pass.

"""
LAST = """\
## What is not finite

{nonfinite} The keys stand under `training.on_nonfinite` in the [reference](reference.md). No history learns from such a
gradient: medians, means and quantiles are those of finite norms.

## State

What a rule has learned, and the number of its step, lies in every checkpoint with the rule's name and a version: a run
that is resumed has the thresholds of one that was never stopped, bit for bit. Other rules refuse the state. Random
thresholds and noise follow from the seed and the step alone, so all processes draw the same.

## Bit for bit like others

The default is exact: below the threshold nothing changes, and above it the norm is the threshold. `compat` repeats
another library's arithmetic instead, rounding and all, where runs are to be compared with it.

| rule | `compat` |
|---|---|
{compat}
"""


def write_clipping_page() -> str:
    """The whole page, in Markdown."""
    rules = {name: config for name, config in CLIPPERS.items() if name == _first_name(config)}
    lines = [
        *("## All rules", "", "| rule | what it does | formula | source |", "|---|---|---|---|"),
        *(_row(name, config) for name, config in rules.items()),
        *("", "## One by one"),
        *(line for name, config in rules.items() for line in _rule(name, config)),
        *_scopes(),
        *_thresholds(),
    ]
    penalties = TrainingConfig.descriptions()["penalties"]
    compat = "\n".join(f"| `{name}` | {_compat(config)} |" for name, config in rules.items() if _compat(config))
    tail = LAST.format(nonfinite=docstring(NonFiniteConfig), compat=compat)
    return HEAD + "\n".join(lines) + "\n\n" + ORDER.format(penalties=" ".join(penalties.split())) + tail


def _first_name(config: type[ClipRuleConfig]) -> str:
    return next(name for name, other in CLIPPERS.items() if other is config)


def _row(name: str, config: type[ClipRuleConfig]) -> str:
    card = card_of(name, config)
    cells = (f"[`{name}`](#{name})", card.purpose, _code(card.formula), card.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rule(name: str, config: type[ClipRuleConfig]) -> Iterator[str]:
    card = card_of(name, config)
    yield from ("", f"### {name}", "", f"{card.purpose}: {_code(card.formula)}.", "")
    if card.details:
        yield from (card.details.replace("<", "&lt;"), "")
    others = [other for other, same in CLIPPERS.items() if same is config and other != name]
    yield from (f"- Also understood as `{other}`." for other in others)
    if card.defaults:
        yield f"- Defaults: `{card.defaults}`."
    yield from (f"- Source: {card.source}.", f"- Cost: {card.cost}.", "")
    yield from key_table(config)
    yield from ("", "```yaml", f"clipping: {inline(_example(name, config))}", "```")


def _example(name: str, config: type[ClipRuleConfig]) -> Plain:
    """The first setting that the rule shows itself by, or its bare name where it needs none."""
    keys = {key: _plain(value) for key, value in config.examples[0].items()}
    return {"name": name, **keys} if keys else name


def _plain(value: object) -> Plain:
    """Mappings and tuples as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return cast("Plain", value)


def _scopes() -> Iterator[str]:
    yield from (
        "",
        "## Scopes",
        "",
        "What is measured together, and has a threshold of its own where that is learned:",
        "",
    )
    yield from (f"- `{scope}`: {SCOPES[scope]}" for scope in get_args(Scope))
    yield "- `group`: of your own, by regular expressions, of which exactly one must find every parameter"


def _thresholds() -> Iterator[str]:
    yield from ("", "## Thresholds", "", "`threshold: 1.0` is short for `threshold: {name: fixed, value: 1.0}`.")
    for name, config in THRESHOLDS.items():
        yield from ("", f"### {name}", "", docstring(config), "", *key_table(config))


def _compat(config: type[ClipRuleConfig]) -> str:
    return " ".join(config.descriptions().get("compat", "").split())


def _code(formula: str) -> str:
    return f"`{formula.replace('``', '')}`"
