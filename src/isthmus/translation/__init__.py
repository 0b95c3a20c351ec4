"""Translation between two unpaired image domains: one file a translator, one trainer for all."""
