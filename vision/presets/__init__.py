"""Presets: a prompt, a strict JSON schema and defaults, one folder each. To add one, copy a folder."""

from vision.presets.library import NO_QUESTION, custom, get, names
from vision.presets.preset import Preset

__all__ = ["NO_QUESTION", "Preset", "custom", "get", "names"]
