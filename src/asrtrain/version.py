"""The version, at the bottom: whatever tells it needs nothing else of the package."""

__version__ = "0.2.0"
