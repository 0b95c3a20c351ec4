"""Classifiers that measure: what an image shows, and which domain a point is from."""
