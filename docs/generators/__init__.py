"""Pages that follow from the code, one module each, and the check of links."""
