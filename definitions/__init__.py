"""The standard library: a folder a module, with its definitions, controllers and examples.

It uses the public API of ``kernel`` only and is found as any other package of kinds would be:
through the entry point group ``kernel.modules``.
"""
