"""Reads images from callers; nothing in them is trusted.

guard (which addresses) → fetch (bytes over HTTP) → probe (size from the first bytes) → prepare (what the
provider takes); source ties them together for a URL, a data URL or an uploaded file.
"""
