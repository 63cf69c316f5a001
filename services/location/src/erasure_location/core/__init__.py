"""Decisions of the location service: values in, values out."""
