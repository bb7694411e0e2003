"""What a provider's dialect is: stated in providers.toml, or learned from its refusals."""

from vision.provider.dialects.learning import Change, Learning
from vision.provider.dialects.refused import Refused, refused_setting

__all__ = ["Change", "Learning", "Refused", "refused_setting"]
