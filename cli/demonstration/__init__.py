"""The parts of `tessera demo`: photographs, a service, a webhook receiver, tables."""
