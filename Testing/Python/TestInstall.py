# SPDX-License-Identifier: BSD-3-Clause
"""Installed plugins load from their prefix and need nothing of the build tree."""
import pathlib
import subprocess

import Plugins

build = Plugins.PLUGIN_LIST.parents[2]
prefix = pathlib.Path("prefix").resolve()
subprocess.run(["cmake", "--install", str(build), "--prefix", str(prefix)], check=True)

installed = prefix / Plugins.PLUGIN_LIST.relative_to(build)
libraries = Plugins.libraries_after("""
from paraview.simple import *
EvolutionaryEmbedding
""", installed)
ours = [library for library in libraries if library.name.startswith(("libvtkTDL", "TreeOf"))]
assert ours, libraries
for library in ours:
    assert prefix in library.parents, library
    for user in ("libvtkTDLDiffusionSampler.so", "libvtkTDLFeatureEncoder.so"):
        if library.name == user:
            models = library.parent.parent / "share" / "tree-of-diffusion-life" / "models"
            assert any(models.glob("*/*.json")), models
