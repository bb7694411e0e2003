"""Lanes on the wire."""

from vision.provider.catalogue import Lane


def limits(lane: Lane) -> dict[str, int | None]:
    """What the lane may use; null where there is no such limit."""
    return {
        "requests_per_minute": lane.limit.rpm,
        "tokens_per_minute": lane.limit.tpm,
        "requests_per_day": lane.limit.rpd,
        "tokens_per_day": lane.limit.tpd,
        "images_per_minute": lane.limit.ipm,
        "in_flight": lane.max_in_flight,
    }
