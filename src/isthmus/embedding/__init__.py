"""Embeddings: one latent space for the images of two domains."""
