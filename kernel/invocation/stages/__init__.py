"""The stages of an invocation, a file each; ``pipeline.py`` puts them in their order."""
