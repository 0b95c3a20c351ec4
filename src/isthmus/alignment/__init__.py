"""Distances between sample sets and the drivers that minimise them."""
