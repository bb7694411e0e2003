"""The catalogue: providers, models and limits, from providers.toml or from the environment."""

from vision.provider.catalogue.catalogue import Catalogue, Sources, configured, load
from vision.provider.catalogue.lane import Lane, Provider

__all__ = ["Catalogue", "Lane", "Provider", "Sources", "configured", "load"]
