"""The runtime: a manifest brought to life, its runs made, recorded, resumed and recovered."""
