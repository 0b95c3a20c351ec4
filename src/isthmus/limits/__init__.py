"""What could go wrong: where the distances that an alignment minimises stop helping."""
