"""Every kind of call, by its name in providers.toml. To add one, write its module and put it here."""

from collections.abc import Mapping

from vision.kinds.chat import Chat
from vision.kinds.kind import Kind
from vision.kinds.messages import Messages
from vision.kinds.moderation import Moderation
from vision.kinds.responses import Responses

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (Chat(), Responses(), Messages(), Moderation())}
