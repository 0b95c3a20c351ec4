"""Building blocks of the networks: layers, batches, checked images, and files."""
