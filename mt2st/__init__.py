"""Multi-task to single-task learning: schedules, losses, models and one training loop, measured honestly."""

__version__ = "0.1.0"
