"""asrtrain: a command-line trainer of speech recognisers."""

__version__ = "0.1.0"
