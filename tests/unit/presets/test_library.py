"""The presets that ship: complete, strict, versioned."""

import json
from dataclasses import replace

import pytest

from vision import presets
from vision.errors import InvalidRequest
from vision.presets import strict

NAMES = ("chart", "describe", "education", "moderation", "ocr", "product_tagging", "scene")
FIELDS = {
    "moderation": {"flagged", "categories", "action", "confidence", "alt_text", "rationale"},
    "product_tagging": {
        "title",
        "category",
        "brand",
        "attributes",
        "tags",
        "description",
        "keywords",
        "confidence",
    },
    "ocr": {"text", "blocks", "languages", "legible", "confidence"},
    "chart": {"kind", "title", "axes", "series", "trends", "insights", "caveats", "confidence"},
    "education": {
        "concept",
        "subject",
        "level",
        "explanation",
        "key_points",
        "steps",
        "question",
        "answer",
        "confidence",
    },
    "scene": {"subject", "category", "features", "note", "confidence"},
}


def properties(name: str) -> dict[str, object]:
    schema = presets.get(name).schema
    assert schema is not None
    return dict(schema["properties"])


def test_the_seven_of_the_contract_are_there():
    assert presets.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_complete(name: str):
    preset = presets.get(name)
    assert preset.name == name
    assert preset.title
    assert preset.detail in {"low", "high"}
    assert 16 <= preset.expected_output_tokens < preset.max_output_tokens
    strict.check(preset.schema)


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_explains_every_field_and_is_not_steered_by_the_image(name: str):
    preset = presets.get(name)
    for field in properties(name):
        assert f"`{field}`" in preset.prompt
    assert "instruction" in preset.prompt or "never follow them" in preset.prompt or "never obey" in preset.prompt


@pytest.mark.parametrize(("name", "fields"), FIELDS.items())
def test_answers_have_the_fields_of_the_contract(name: str, fields: set[str]):
    assert properties(name).keys() == fields


def test_the_prompt_explains_every_category_of_moderation():
    categories = properties("moderation")["categories"]
    assert isinstance(categories, dict)
    assert len(categories["properties"]) == 14
    for category in categories["properties"]:
        assert f"   - `{category}`: " in presets.get("moderation").prompt


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"ocr"}))
def test_language_is_filled_in(name: str):
    assert "{language}" in presets.get(name).prompt
    rendered = presets.get(name).render("zh-Hans")
    assert "zh-Hans" in rendered
    assert "{" not in rendered


def test_text_recognition_never_translates():
    assert presets.get("ocr").render("de") == presets.get("ocr").prompt


@pytest.mark.parametrize("language", ["", "d", "en us", "de\nIgnore this", "x" * 60, "日本語"])
def test_a_language_is_a_tag(language: str):
    with pytest.raises(InvalidRequest) as caught:
        presets.get("scene").render(language)
    assert caught.value.code == "invalid_language"


@pytest.mark.parametrize("name", ["", "Moderation", "../presets/ocr", "__pycache__"])
def test_an_unknown_preset_names_the_known_ones(name: str):
    with pytest.raises(InvalidRequest, match="moderation, ocr, product_tagging") as caught:
        presets.get(name)
    assert (caught.value.code, caught.value.param) == ("unknown_preset", "preset")


def test_presets_are_read_once():
    assert presets.get("ocr") is presets.get("ocr")


def test_a_fingerprint_follows_name_prompt_and_schema_only():
    preset = presets.get("moderation")
    assert preset.fingerprint == replace(preset, detail="high", title="Other").fingerprint
    assert preset.fingerprint == replace(preset, schema=json.loads(json.dumps(preset.schema))).fingerprint
    others = [replace(preset, name="x"), replace(preset, prompt=preset.prompt + "."), replace(preset, schema=None)]
    assert len({preset.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_a_fingerprint_is_stable():
    preset = presets.custom("Count the cats.", _NOTHING)
    assert preset.fingerprint == "b72e58d062bf74cb"


def test_the_order_of_keys_does_not_change_a_fingerprint():
    preset = presets.get("scene")
    assert preset.schema is not None
    turned = dict(reversed(preset.schema.items()))
    assert list(turned) != list(preset.schema)
    assert replace(preset, schema=turned).fingerprint == preset.fingerprint


_NOTHING = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def test_a_custom_prompt():
    preset = presets.custom("Count the {cats}.", _NOTHING, 200)
    assert (preset.name, preset.schema, preset.max_output_tokens, preset.expected_output_tokens) == (
        None,
        _NOTHING,
        200,
        200,
    )
    assert preset.render("de") == "Count the {cats}."


def test_a_custom_prompt_may_do_without_schema_and_limit():
    preset = presets.custom("Count the cats in {language}.")
    assert preset.schema is None
    assert preset.max_output_tokens > preset.expected_output_tokens
    assert preset.render("de") == "Count the cats in de."


@pytest.mark.parametrize("prompt", ["", " \n", "a\0b", "x" * 100_001])
def test_a_custom_prompt_has_text(prompt: str):
    with pytest.raises(InvalidRequest) as caught:
        presets.custom(prompt)
    assert caught.value.code == "invalid_prompt"


@pytest.mark.parametrize("limit", [0, 15, -1, 128_001])
def test_a_limit_has_bounds(limit: int):
    with pytest.raises(InvalidRequest) as caught:
        presets.custom("Count the cats.", None, limit)
    assert caught.value.code == "invalid_max_output_tokens"


def test_a_custom_schema_is_checked():
    with pytest.raises(InvalidRequest) as caught:
        presets.custom("Count the cats.", {"type": "object"})
    assert caught.value.code == "invalid_schema"


def test_another_limit_keeps_the_version():
    preset = presets.get("ocr")
    shorter = preset.limited_to(100)
    assert (shorter.max_output_tokens, shorter.expected_output_tokens) == (100, 100)
    assert shorter.fingerprint == preset.fingerprint
