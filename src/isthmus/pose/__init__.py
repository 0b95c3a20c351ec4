"""MetaPose (Usman, Tagliasacchi, Saenko, Sud 2022) and classical bundle adjustment."""
