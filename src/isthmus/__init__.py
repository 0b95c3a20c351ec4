"""Learning relationships between visual domains: a living reproduction."""

__version__ = "0.1.0"
