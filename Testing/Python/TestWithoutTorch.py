# SPDX-License-Identifier: BSD-3-Clause
"""The plugin that needs no network loads no LibTorch."""
import Plugins

plugin = Plugins.PLUGIN_LIST.parent / "TreeOfDiffusionLife" / "TreeOfDiffusionLife.so"
libraries = Plugins.libraries_after(f"""
from paraview.simple import *
LoadPlugin({str(plugin)!r}, remote=False, ns=globals())
EvolutionaryEmbedding
""")
assert plugin in libraries, libraries
torch = [library for library in libraries if library.name.startswith(("libtorch", "libc10"))]
assert not torch, torch
