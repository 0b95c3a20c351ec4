"""How a classifier responds to one factor: audits by translated images."""
