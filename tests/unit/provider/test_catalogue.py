"""providers.toml: what it gives, and how every mistake in it is told."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from vision.errors import ConfigurationError, InvalidRequest
from vision.kinds import Dialect
from vision.prices import FREE, Usage
from vision.provider.catalogue import Catalogue, load
from vision.provider.catalogue.lane import Account

HEAD = '[[provider]]\nname = "acme"\nbase_url = "https://acme.example/v1"\n'
MODEL = '[provider.models."gpt-4o"]\nrpm = 500\ntpm = 30_000\n'
KEY = SecretStr("sk-secret")


def catalogue(folder: Path, content: str, **environment: str) -> Catalogue:
    """A catalogue from this providers.toml."""
    path = folder / "providers.toml"
    path.write_text(content, encoding="utf-8")
    return load(path, environment=environment)


def test_a_provider_of_ones_own(tmp_path: Path) -> None:
    lanes = catalogue(
        tmp_path,
        f'{HEAD}api_key_env = "ACME_KEY"\napi = "responses"\nimages = "url"\nshare = 0.5\nprice_factor = "0.8"\n'
        f"{MODEL}"
        '[provider.models."org/tagger"]\nrpm = 3\ntpm = 1\n'
        'price = { input = "1", output = "2", cached_input = "0.5" }\n'
        'image_tokens = "none"\npresets = ["moderation", "ocr"]\n'
        '[provider.models."gratis"]\nrpm = 60\ntpm = 60\nprice = "free"\nimage_tokens = "gpt-4o"\n',
        ACME_KEY=" k",
    ).lanes
    assert list(lanes) == ["acme/gpt-4o", "acme/org/tagger", "acme/gratis"]
    gpt, tagger, gratis = lanes.values()
    assert (gpt.provider.name, gpt.provider.base_url) == ("acme", "https://acme.example/v1")
    assert (gpt.provider.api, gpt.provider.images) == ("responses", "url")
    assert (gpt.provider.api_key.get_secret_value(), gpt.model) == (" k", "gpt-4o")
    assert (gpt.limit.rpm, gpt.limit.tpm, gpt.image_tokens, gpt.presets) == (250, 15_000, "openai:gpt-4o", None)
    assert gpt.price is not None
    assert gpt.price.input == Decimal("2.0")
    assert (tagger.limit.rpm, tagger.limit.tpm, tagger.image_tokens, tagger.presets) == (
        1,
        1,
        "none",
        ("moderation", "ocr"),
    )
    assert tagger.price is not None
    assert (tagger.price.input, tagger.price.cached_input, tagger.price.output) == (1, Decimal("0.5"), 2)
    assert (gratis.price, gratis.image_tokens) == (FREE, "openai:gpt-4o")


def test_a_model_may_be_of_another_kind_than_its_provider(tmp_path: Path) -> None:
    content = HEAD + MODEL + '[provider.models."omni-moderation-latest"]\nkind = "moderation"\nrpm = 60\n'
    gpt, omni = catalogue(tmp_path, content).lanes.values()
    assert (gpt.kind.name, omni.kind.name) == ("chat", "moderation")
    assert (omni.limit.tpm, omni.limit.largest_call, omni.image_tokens, omni.details) == (
        None,
        10**12,
        "none",
        ("auto",),
    )
    assert omni.price is not None
    assert omni.price.cost(Usage(10**6, 10**6)) == 0
    assert catalogue(tmp_path, content + "tpm = 30\nimage_tokens = 'gpt-4o'\n").lanes[omni.name].limit.tpm == 30


def test_a_model_that_is_asked_nothing_serves_no_question_and_none_by_chance(tmp_path: Path) -> None:
    content = HEAD + '[provider.models."omni"]\nkind = "moderation"\nrpm = 60\n' + MODEL
    found = catalogue(tmp_path, content)
    assert found.resolve(None, "moderation").model == found.resolve(None, None).model == "gpt-4o"
    assert found.resolve("omni", None, has_question=False).model == "omni"
    for model, preset, has_question, code in [
        ("omni", "moderation", True, "preset_not_supported"),
        ("omni", None, True, "preset_not_supported"),
        ("gpt-4o", None, False, "preset_or_prompt"),
        (None, None, False, "preset_or_prompt"),
    ]:
        with pytest.raises(InvalidRequest) as refused:
            found.resolve(model, preset, has_question=has_question)
        assert refused.value.code == code


def test_a_dialect_may_be_stated(tmp_path: Path) -> None:
    stated = (
        'ceiling = "max_tokens"\nstructure = "prompt"\ninstructions = "user"\nomit = ["detail"]\n'
        'headers = { X-Key = "env:GATEWAY_KEY", X-Plain = "a:b" }\nquery = { api-version = "1" }\n'
        "extra_body = { top_k = 1 }\n"
    )
    (lane,) = catalogue(tmp_path, HEAD + stated + MODEL, GATEWAY_KEY="hush").lanes.values()
    provider = lane.provider
    assert provider.dialect == Dialect("max_tokens", "prompt", "user", detail="omitted", extra_body={"top_k": 1})
    assert provider.stated == {"ceiling", "structure", "instructions", "detail"}
    revealed = {name: value.get_secret_value() for name, value in provider.headers.items()}
    assert revealed == {"X-Key": "hush", "X-Plain": "a:b"}
    assert "hush" not in repr(lane)
    with pytest.raises(ConfigurationError, match="GATEWAY_KEY is not set"):
        catalogue(tmp_path, HEAD + stated + MODEL)


def test_a_key_is_not_shown_and_none_is_sent_where_none_is_named(tmp_path: Path) -> None:
    lane = catalogue(tmp_path, HEAD + MODEL).lane("acme/gpt-4o")
    assert lane.provider.api_key.get_secret_value() == "none"
    assert "sk-secret" not in repr(load(tmp_path / "absent", openai_api_key=KEY, environment={}).lanes)


def test_a_key_of_the_settings_counts_as_one_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_text(f'{HEAD}api_key_env = "OPENAI_API_KEY"\n{MODEL}')
    lanes = load(tmp_path / "providers.toml", openai_api_key=KEY, environment={}).lanes
    assert lanes["acme/gpt-4o"].provider.api_key == KEY


@pytest.mark.parametrize(
    ("content", "place", "remedy"),
    [
        ("", "providers.toml has no", "[[provider]] table"),
        ("[provider]\nname = 'acme'", "providers.toml has no", "[[provider]] table"),
        ("lane = 1", "unknown table 'lane'", "[[provider]] tables"),
        ("[[provider]\n", "providers.toml cannot be read", "line 1"),
        ("[[provider]]\nname = ä", "providers.toml cannot be read", "line 2"),
        ("provider = [1]", "provider 1", "dictionary"),
        (HEAD, "provider 1: models", "required"),
        (HEAD + "[provider.models]\n", "provider 1: models", "at least 1"),
        (MODEL.replace("[provider.", "[[provider]]\n[provider."), "provider 1: name", "required"),
        (HEAD.replace("acme.", "acme:").replace('"acme"', '"A b"') + MODEL, "provider 1: name", "pattern"),
        (HEAD.replace("https", "ftp") + MODEL, "provider 1: base_url", "^https?://"),
        (HEAD + "nmae = 1\n" + MODEL, "provider 1: nmae", "there are name, base_url, api_key_env"),
        (HEAD + MODEL + "rmp = 1\n", "provider 1: models.gpt-4o.rmp", "there are rpm, tpm"),
        (HEAD + MODEL.replace("500", "0"), "models.gpt-4o.rpm", "greater than 0"),
        (HEAD + MODEL.replace("30_000", "-1"), "models.gpt-4o.tpm", "greater than 0"),
        (HEAD + MODEL.replace("30_000", "1.5"), "models.gpt-4o.tpm", "integer"),
        (HEAD + MODEL.replace("tpm = 30_000", ""), "models.gpt-4o.tpm", "required"),
        (HEAD + "api = 'soap'\n" + MODEL, "provider 1: api", "there are chat, responses"),
        (HEAD + "images = 'fax'\n" + MODEL, "provider 1: images", "'inline' or 'url'"),
        (HEAD + "share = 0\n" + MODEL, "provider 1: share", "greater than 0"),
        (HEAD + "share = 1.1\n" + MODEL, "provider 1: share", "less than or equal to 1"),
        (HEAD + "price_factor = -1\n" + MODEL, "provider 1: price_factor", "greater than or equal to 0"),
        (HEAD + "api_key_env = 'ACME_KEY'\n" + MODEL, "Provider acme", "ACME_KEY is not set. Set it"),
        (HEAD + MODEL + HEAD + MODEL, "acme/gpt-4o stands there twice", "Rename"),
        (HEAD + MODEL + "price = 'gratis'\n", "acme/gpt-4o: price = 'gratis'", 'or give "free"'),
        (HEAD + MODEL + "price = 1\n", "acme/gpt-4o: price = 1", 'or give "free"'),
        (HEAD + MODEL + "price = { input = '1' }\n", "acme/gpt-4o: price: output", "dollars per million"),
        (HEAD + MODEL + "price = { input = 1, output = 2 }\n", "acme/gpt-4o: price.input", "as a string"),
        (HEAD + MODEL + "price = { input = 'x', output = '2' }\n", "acme/gpt-4o: price.input", "as a string"),
        (HEAD + MODEL + "price = { input = '1', outptu = '2' }\n", "acme/gpt-4o: price: 'outptu'", "none of"),
        (HEAD + MODEL + "image_tokens = 'gpt-4o-mimi'\n", "acme/gpt-4o: How 'gpt-4o-mimi'", "gpt-4o-mini"),
        (HEAD + MODEL + "presets = ['orc']\n", "acme/gpt-4o: presets: there is no preset 'orc'", "ocr"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_remedy(tmp_path: Path, content: str, place: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        catalogue(tmp_path, content)
    assert place in refused.value.message
    assert remedy in refused.value.message


def test_a_file_that_is_no_text_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"providers\.toml cannot be read"):
        load(tmp_path / "providers.toml", environment={})


def test_a_model_of_unknown_image_tokens_is_told_its_remedy_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        catalogue(tmp_path, HEAD + MODEL.replace("gpt-4o", "mystery-9000"))
    assert refused.value.message.startswith("acme/mystery-9000: ")
    assert refused.value.message.count("image_tokens") == 1
    assert refused.value.message.count("'none'") == 1


def test_a_key_alone_gives_openai_at_tier_one(tmp_path: Path) -> None:
    lanes = load(tmp_path / "absent.toml", openai_api_key=KEY, environment={}).lanes
    assert all(name.startswith("openai/") for name in lanes)
    mini = lanes["openai/gpt-4o-mini"]
    assert (mini.limit.rpm, mini.limit.tpm) == (500, 200_000)
    assert mini.provider.base_url == "https://api.openai.com/v1"
    assert all(lane.price is not None for lane in lanes.values())
    assert [name for name, lane in lanes.items() if lane.image_tokens == "none"] == ["openai/omni-moderation-latest"]


def test_another_address_for_openai(tmp_path: Path) -> None:
    lanes = load(tmp_path / "absent", openai_api_key=KEY, openai_base_url="http://proxy/v1", environment={}).lanes
    assert {lane.provider.base_url for lane in lanes.values()} == {"http://proxy/v1"}


def test_the_offline_provider_is_added_unless_the_file_has_one(tmp_path: Path) -> None:
    assert load(tmp_path / "absent", environment={}).lanes == {}
    (local,) = load(tmp_path / "absent", local_url="http://127.0.0.1:9/", environment={}).lanes.values()
    assert (local.name, local.price, local.image_tokens) == ("local/tessera-local", FREE, "openai:gpt-4o")
    assert local.provider.base_url == "http://127.0.0.1:9/v1"
    (tmp_path / "providers.toml").write_text(HEAD.replace("acme", "local") + MODEL)
    own = load(tmp_path / "providers.toml", local_url="http://127.0.0.1:9/", environment={})
    assert list(own.lanes) == ["local/gpt-4o"]


def test_resolving_a_model(tmp_path: Path) -> None:
    other = HEAD.replace("acme", "other")
    screen = '[provider.models."eyes"]\nrpm = 1\ntpm = 1\nimage_tokens = "none"\npresets = ["ocr", "moderation"]\n'
    found = catalogue(tmp_path, HEAD + screen + MODEL + other + MODEL)
    assert found.resolve(None, "ocr").name == "acme/eyes"
    assert found.resolve(None, "scene").name == "acme/gpt-4o"
    assert found.resolve(None, None).name == "acme/gpt-4o"
    assert found.resolve("gpt-4o", "ocr").name == "acme/gpt-4o"
    assert found.resolve("other/gpt-4o", "ocr").name == "other/gpt-4o"
    with pytest.raises(InvalidRequest, match=r"acme/eyes, acme/gpt-4o, other/gpt-4o") as unknown:
        found.resolve("gpt-5", None)
    assert (unknown.value.code, unknown.value.param) == ("unknown_model", "model")
    with pytest.raises(InvalidRequest, match="does not serve scene; it serves ocr, moderation") as refused:
        found.resolve("eyes", "scene")
    assert (refused.value.code, refused.value.param) == ("preset_not_supported", "preset")
    with pytest.raises(InvalidRequest, match="a prompt of your own") as refused:
        found.resolve("acme/eyes", None)
    assert refused.value.param == "prompt"


def test_without_any_provider_the_remedy_is_told() -> None:
    with pytest.raises(InvalidRequest, match="OPENAI_API_KEY"):
        Catalogue({}).resolve(None, "ocr")


def test_a_lane_that_is_gone() -> None:
    with pytest.raises(ConfigurationError, match=r"'acme/gpt-4o'\. Put it into"):
        Catalogue({}).lane("acme/gpt-4o")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (None, True),
        ("https://eu.api.openai.com/v1", True),
        ("https://relay.example/v1", False),
        ("https://openai.com.relay.example/v1", False),
        ("https://fakeopenai.com/v1", False),
    ],
)
def test_only_openai_is_told_whose_account_it_is(tmp_path: Path, address: str | None, told: bool) -> None:
    environment = {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
    offered = load(tmp_path / "absent", openai_api_key=KEY, openai_base_url=address, environment=environment)
    accounts = {lane.provider.account for lane in offered.lanes.values()}
    assert accounts == {Account("org-1", "proj-1") if told else Account()}


def test_a_provider_of_ones_own_is_not_told_whose_account_it_is(tmp_path: Path) -> None:
    lane = catalogue(tmp_path, HEAD + MODEL, OPENAI_ORG_ID="org-1", OPENAI_PROJECT_ID="proj-1").lane("acme/gpt-4o")
    assert lane.provider.account == Account()
