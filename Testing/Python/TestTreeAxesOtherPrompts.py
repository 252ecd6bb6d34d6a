# SPDX-License-Identifier: BSD-3-Clause
"""The names and colors of prompts follow the data, but not over what somebody chose or another tree needs."""
import pathlib

from paraview.simple import (ColorBy, CreateRenderView, GetActiveView, GetColorTransferFunction,
                             GetRepresentation, GetScalarBar, GetSources, Hide, LoadState, ReloadFiles, Render,
                             ResetSession, SaveState, Show, XMLPolyDataReader)
from vtkmodules.vtkCommonCore import vtkStringArray

import SyntheticEmbedding
import TreeAxes

ANIMALS = ['a "small" dog', "a cat & a mouse", "a fox < a wolf", "an owl"]
TOOLS = ["a saw", "a drill", "a plane", "a hammer", "a file"]


def make_embedding(prompts):
    embedding = SyntheticEmbedding.make_embedding("radial", instances=2, iterations=5, prompts=len(prompts))
    names = vtkStringArray()
    names.SetName("Prompts")
    for prompt in prompts:
        names.InsertNextValue(prompt)
    embedding.GetFieldData().AddArray(names)
    return embedding


def show(prompts):
    return TreeAxes.show(make_embedding(prompts), TreeAxes.TYPES["radial"])


def reload(reader, view, prompts):
    SyntheticEmbedding.write_polydata(make_embedding(prompts), "data.vtp")
    ReloadFiles(reader)
    Render(view)


def names():
    return list(GetColorTransferFunction("PromptId").Annotations[1::2])


def colors():
    return list(GetColorTransferFunction("PromptId").IndexedColors)


reader, display, view = show(ANIMALS)
assert names() == ANIMALS
of_four = colors()
reload(reader, view, TOOLS)
assert names() == TOOLS
of_five = colors()
assert len(of_five) == 15
reload(reader, view, ANIMALS)
assert names() == ANIMALS and colors() == of_four
# Prompts that are no more keep their place in the legend.
reload(reader, view, ANIMALS[:2])
assert names() == ANIMALS

# A color that somebody chose stays, whatever the name; so do names that somebody chose.
prompts = GetColorTransferFunction("PromptId")
red = [1.0, 0.0, 0.0]
prompts.IndexedColors[:3] = red
reload(reader, view, TOOLS)
assert names() == TOOLS and colors() == red + of_five[3:]
prompts.Annotations[1] = "my saw"
reload(reader, view, ANIMALS)
assert names() == ["my saw", *TOOLS[1:]]
prompts.Annotations[1] = TOOLS[0]
reload(reader, view, ANIMALS)
assert names() == ANIMALS and colors() == red + of_four[3:]

# What is read from a state file follows, too.
SaveState("tree.pvsm")
ResetSession()
LoadState(str(pathlib.Path("tree.pvsm").resolve()))
reader, view = list(GetSources().values())[0], GetActiveView()
Render(view)
assert names() == ANIMALS
reload(reader, view, TOOLS)
assert names() == TOOLS and colors() == red + of_five[3:]

# A tree of other prompts beside it has a map of its own, and its legend names them.
display = GetRepresentation(reader, view)
display.SetScalarBarVisibility(view, True)
SyntheticEmbedding.write_polydata(make_embedding(ANIMALS), "other.vtp")
other_view = CreateRenderView(ViewSize=[400, 400])
other = XMLPolyDataReader(FileName=str(pathlib.Path("other.vtp").resolve()))
other_display = Show(other, other_view)
ColorBy(other_display, ("POINTS", "PromptId"))
other_display.SetScalarBarVisibility(other_view, True)
other_display.SetRepresentationType(TreeAxes.TYPES["radial"])
Render(other_view)
Render(view)
assert names() == TOOLS
assert list(other_display.LookupTable.Annotations[1::2]) == ANIMALS
assert list(other_display.LookupTable.IndexedColors) == of_four
own = other_display.LookupTable
assert GetScalarBar(own, other_view).Visibility
assert not GetScalarBar(display.LookupTable, other_view).Visibility
assert GetScalarBar(display.LookupTable, view).Visibility
# One of the same prompts, or of some more, shares it; so does one that comes when this is gone.
more, more_display, more_view = show([*TOOLS, "a lathe"])
assert names() == [*TOOLS, "a lathe"]
assert not more_display.UseSeparateColorMap
for source, shown_in in ((reader, view), (more, more_view)):
    Hide(source, shown_in)
_, last_display, _ = show(ANIMALS[::-1])
assert names() == ANIMALS[::-1]
assert not last_display.UseSeparateColorMap
