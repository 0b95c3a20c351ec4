"""Stability of adversarial training: toy laws on which a remedy can be seen to work or fail."""
