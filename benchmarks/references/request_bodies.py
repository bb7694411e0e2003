"""Request bodies exactly as a worker builds them, for the reference programs."""

import tempfile
from pathlib import Path

from benchmarks.stack.service import KEY, MODEL, PRESET, UNLIMITED, write_providers
from vision import presets
from vision.kinds import Question
from vision.provider.catalogue import load

DETAIL = "high"


def bodies(base_url: str, image: str, items: int) -> tuple[str, list[bytes]]:
    """Path below `base_url` and the JSON body for each item; `{}` in the image's address becomes its number."""
    with tempfile.TemporaryDirectory() as name:
        path = write_providers(Path(name), base_url, "url", {MODEL: (UNLIMITED, UNLIMITED)})
        [lane] = load(path, environment={"FAKE_KEY": KEY}).lanes.values()
    preset = presets.get(PRESET)
    question = Question(preset.render("en"), PRESET, preset.schema, DETAIL, preset.max_output_tokens)
    images = map(image.format, range(1, items + 1))
    return lane.kind.path, [lane.kind.request(lane.model, question, [image]) for image in images]
