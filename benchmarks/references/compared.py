"""What other libraries count for the cases, in a process that sees their packages only and has no network.

`python -I -S benchmarks/references/compared.py FOLDER`, with the cases as JSON on standard input, answers {"libraries":
[{"name", "version", "counts": [tokens or "rejected" or "error"], "errors": [why]}], "network": [what was tried]}.
"""

import base64
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from importlib.metadata import version
from io import BytesIO
from typing import Any

Counter = Callable[[str, str, int, int], int]
"""Tokens of an image by model, detail, width and height; raises what the library raises."""

NETWORK = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
"""Every connection needs one of these. Creating a socket is allowed: some libraries only check its options."""

tried: list[str] = []


def main() -> None:
    """Count the cases with each library; what they print goes to standard error."""
    sys.addaudithook(_refuse_network)
    sys.path.insert(0, sys.argv[1])
    cases = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):
        libraries = [_count_all(name, counter, cases) for name, counter in LIBRARIES.items()]
    json.dump({"libraries": libraries, "network": tried}, sys.stdout)


def _refuse_network(event: str, _: tuple[Any, ...]) -> None:
    if event in NETWORK:
        tried.append(event)
        raise ConnectionError(f"{event}: there is no network here")


def _count_all(name: str, counter: Callable[[], Counter], cases: list[dict[str, Any]]) -> dict[str, Any]:
    answers = [_answer(counter, case["model"], case["detail"], *case["size"]) for case in cases]
    errors = [why for _, why in answers if why]
    return {"name": name, "version": version(name), "counts": [answer for answer, _ in answers], "errors": errors}


def _answer(counter: Callable[[], Counter], model: str, detail: str, width: int, height: int) -> tuple[int | str, str]:
    """A library that counts a small image of the same kind, but raises for this one, has rejected the image."""
    try:
        return counter()(model, detail, width, height), ""
    except Exception as error:  # noqa: BLE001 - whatever a library raises is its answer
        why = f"{model} {detail} {width}x{height}: {type(error).__name__}: {error}"
    return ("rejected" if _counts_small(counter, model, detail) else "error"), why


def _counts_small(counter: Callable[[], Counter], model: str, detail: str) -> bool:
    try:
        return counter()(model, detail, 64, 64) > 0
    except Exception:  # noqa: BLE001 - the same
        return False


@cache
def _vision_cost() -> Counter:
    tokens = import_module("openai_vision_cost").calculate_tokens_only
    return lambda model, detail, width, height: tokens(width, height, model, detail)["text_tokens"]


@cache
def _pictoken() -> Counter:
    pictoken = import_module("pictoken")
    tokens, models, details = pictoken.calculate_image_tokens_by_image_dimensions, pictoken.Model, pictoken.ImageDetail
    return lambda model, detail, width, height: tokens(width, height, models(model), details(detail)).total_tokens


@cache
def _image_token_counter() -> Counter:
    library = import_module("openai_image_token_counter")
    tokens, details = library.OpenAIImageTokenCalculator().calculate_tokens, library.DetailLevel
    return lambda model, detail, width, height: tokens(width, height, model, details(detail))


@cache
def _messages_token_helper() -> Counter:
    tokens = import_module("openai_messages_token_helper").count_tokens_for_image
    return lambda model, detail, width, height: tokens(_data_url(width, height), detail, model)


@cache
def _langchain() -> Counter:
    """A message with the image, less one without.

    Its tokenizer of text would fetch a vocabulary at first use. No image is counted by it, so single bytes stand in.
    """
    message = import_module("langchain_core.messages").HumanMessage
    chat = import_module("langchain_openai").ChatOpenAI
    single = {bytes([value]): value for value in range(256)}
    encoding = import_module("tiktoken").Encoding("bytes", pat_str="(?s).", mergeable_ranks=single, special_tokens={})
    names = ("o200k_base", "o200k_harmony", "cl100k_base")
    import_module("tiktoken.registry").ENCODINGS.update(dict.fromkeys(names, encoding))

    def tokens(model: str, detail: str, width: int, height: int) -> int:
        image = {"type": "image_url", "image_url": {"url": _data_url(width, height), "detail": detail}}
        count = chat(model=model, api_key="none").get_num_tokens_from_messages
        return count([message([image])]) - count([message([])])

    return tokens


LIBRARIES: dict[str, Callable[[], Counter]] = {
    "openai-vision-cost": _vision_cost,
    "openai-messages-token-helper": _messages_token_helper,
    "pictoken": _pictoken,
    "langchain-openai": _langchain,
    "openai-image-token-counter": _image_token_counter,
}
"""By the name of the package, as in the group `compared` of pyproject.toml."""


@cache
def _data_url(width: int, height: int) -> str:
    """A white PNG of that size."""
    file = BytesIO()
    import_module("PIL.Image").new("1", (width, height), 1).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    main()
