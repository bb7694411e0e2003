"""Real photographs: the sample pictures of the wheel scikit-image, which is never imported."""

import importlib.util
from pathlib import Path

from cli.problems import Problem

PHOTOGRAPHS = {
    "moderation": ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "hubble_deep_field.jpg", "horse.png"),
    "ocr": ("page.png", "motorcycle_left.png"),
    "product_tagging": ("coffee.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg", "camera.png"),
}


def folder() -> Path:
    """Where the pictures are; Problem when the wheel is not installed."""
    found = importlib.util.find_spec("skimage")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise Problem("The demo's photographs are missing.", hint="`make demo` installs them (scikit-image).")
    return Path(folders[0]) / "data"


def of(preset: str) -> list[str]:
    """The names of the pictures for a preset, those that this version of the wheel has."""
    names = [name for name in PHOTOGRAPHS[preset] if (folder() / name).is_file()]
    if not names:
        raise Problem(f"The wheel scikit-image has none of the demo's pictures for {preset}.")
    return names
