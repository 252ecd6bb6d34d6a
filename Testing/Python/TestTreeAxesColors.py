# SPDX-License-Identifier: BSD-3-Clause
"""Prompts and groups are colored as categories with their names, unless somebody chose otherwise."""
from paraview.simple import ColorBy, GetColorTransferFunction, Render

import SyntheticEmbedding
import TreeAxes

embedding = SyntheticEmbedding.make_embedding("radial", instances=2, iterations=5)
_, display, view = TreeAxes.show(embedding, "Points")
prompts = GetColorTransferFunction("PromptId")
assert not prompts.InterpretValuesAsCategories, "only the tree axes do so"

display.SetRepresentationType(TreeAxes.TYPES["radial"])
Render(view)
assert prompts.InterpretValuesAsCategories
assert list(prompts.Annotations[1::2]) == SyntheticEmbedding.PROMPTS
assert list(prompts.Annotations[0::2]) == [str(i) for i in range(10)]
colors = [tuple(prompts.IndexedColors[3 * i:3 * i + 3]) for i in range(10)]
assert len(set(colors)) == 10
assert list(prompts.NanColor) == [0.58] * 3  # of what is of several prompts

ColorBy(display, ("POINTS", "GroupId"))
Render(view)
groups = GetColorTransferFunction("GroupId")
assert list(groups.Annotations[1::2]) == SyntheticEmbedding.GROUPS
assert tuple(groups.IndexedColors[:6]) == colors[0] + colors[3]

# A choice stays: categories turned off, another color.
prompts.InterpretValuesAsCategories = 0
groups.IndexedColors[:3] = [1.0, 0.0, 0.0]
for array in ("PromptId", "GroupId"):
    ColorBy(display, ("POINTS", array))
    display.LabelFontSize += 1
    Render(view)
assert not prompts.InterpretValuesAsCategories
assert list(groups.IndexedColors[:3]) == [1.0, 0.0, 0.0]

# Other arrays keep ParaView's continuous colors.
ColorBy(display, ("POINTS", "Iteration"))
Render(view)
assert not GetColorTransferFunction("Iteration").InterpretValuesAsCategories
