"""Changes made to training data at random: one file an effect, one configuration for all of them."""

from asrtrain.features.augmentation.config import Augmentation, AugmentationConfig

__all__ = ["Augmentation", "AugmentationConfig"]
