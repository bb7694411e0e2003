"""What a provider's dialect is: stated in providers.toml, or learned from its refusals."""

from vision.provider.dialects.refused import Refused, next_value, refused_setting

__all__ = ["Refused", "next_value", "refused_setting"]
