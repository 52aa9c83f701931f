"""The training loop: steps, checkpoints, logs, averages, signals."""
