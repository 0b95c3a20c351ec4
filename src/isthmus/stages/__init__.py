"""Stages of isthmus."""
