"""Errors in OpenAI's wire form: `{"error": {"message", "type", "param", "code"}}`."""

from typing import Any

from vision.errors import ImageError, Retry, TesseraError

# Codes of vision.images → OpenAI's codes (reference: error codes of the Responses API).
_IMAGE_CODES = {
    "image_unreachable": "invalid_image_url",
    "image_blocked": "invalid_image_url",
    "image_unsupported": "invalid_image_format",
    "image_corrupt": "image_parse_error",
}


class WireError(Exception):
    """An answer other than 200."""

    def __init__(
        self,
        message: str,
        code: str,
        *,
        param: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.param = message, code, param
        self.status, self.kind, self.retry_after = status, kind, retry_after

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}


def translate(error: TesseraError) -> WireError:
    """An error of `vision` in OpenAI's form; a busy image host becomes OpenAI's timeout."""
    message = error.message
    if isinstance(error, ImageError) and error.retry is not Retry.NEVER:
        message = f"Timeout while downloading the image. {message}"
    return WireError(message, _IMAGE_CODES.get(error.code, error.code), param=error.param)
