"""Pages of docs/reference, one module each, and the check of links."""
