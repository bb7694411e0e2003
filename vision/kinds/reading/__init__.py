"""Reads what servers send: bodies in any shape, usage, the filter's categories, and JSON out of a text."""
