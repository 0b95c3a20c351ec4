"""Unsupervised domain adaptation of classifiers: the benchmark of VisDA-2017 and Syn2Real."""
