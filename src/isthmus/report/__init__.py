"""Report of isthmus."""
