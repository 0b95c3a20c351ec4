"""Runs in MLflow, from the records that stages leave."""
