"""Real servers without an installation, and the process tree of `tessera up`."""
