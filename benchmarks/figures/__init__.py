"""Figures of a benchmark, and the report that shows and saves them."""
