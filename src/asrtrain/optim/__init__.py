"""Optimisers and learning-rate schedules. Adding one is one file and one line here."""

from asrtrain.optim.adagrad import AdagradConfig
from asrtrain.optim.adam import AdamConfig
from asrtrain.optim.adamw import AdamWConfig
from asrtrain.optim.groups import parameter_groups
from asrtrain.optim.interface import OptimizerConfig, Schedule, ScheduleConfig
from asrtrain.optim.rmsprop import RMSpropConfig
from asrtrain.optim.schedules.constant import ConstantConfig
from asrtrain.optim.schedules.cosine import CosineConfig
from asrtrain.optim.schedules.exponential import ExponentialConfig
from asrtrain.optim.schedules.linear_warmup import LinearWarmupConfig
from asrtrain.optim.schedules.loss_driven import LossDrivenConfig
from asrtrain.optim.schedules.noam import NoamConfig
from asrtrain.optim.schedules.one_cycle import OneCycleConfig
from asrtrain.optim.schedules.plateau import PlateauConfig
from asrtrain.optim.schedules.step import StepConfig
from asrtrain.optim.sgd import SGDConfig

OPTIMIZERS: dict[str, type[OptimizerConfig]] = {
    "sgd": SGDConfig,
    "adam": AdamConfig,
    "adamw": AdamWConfig,
    "rmsprop": RMSpropConfig,
    "adagrad": AdagradConfig,
}

SCHEDULES: dict[str, type[ScheduleConfig]] = {
    "constant": ConstantConfig,
    "step": StepConfig,
    "exponential": ExponentialConfig,
    "cosine": CosineConfig,
    "linear_warmup": LinearWarmupConfig,
    "one_cycle": OneCycleConfig,
    "noam": NoamConfig,
    "plateau": PlateauConfig,
    "loss_driven": LossDrivenConfig,
}

__all__ = ["OPTIMIZERS", "SCHEDULES", "OptimizerConfig", "Schedule", "ScheduleConfig", "parameter_groups"]
