# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the tree axes share: showing an embedding, comparing pictures, finding labels."""
import pathlib

import numpy as np
from paraview.simple import (ColorBy, CreateRenderView, Render, ResetCamera, SaveScreenshot, Show,
                             XMLPolyDataReader)
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader
from vtkmodules.vtkRenderingCore import vtkBillboardTextActor3D, vtkCoordinate

from SyntheticEmbedding import write_polydata

BASELINES = pathlib.Path(__file__).resolve().parents[1] / "Baselines"
TYPES = {"radial": "TDL Radial Axes", "rectilinear": "TDL Rectilinear Axes"}


def show(data, representation, size=(400, 400), color="PromptId", **properties):
    """Shows a vtkPolyData in a new view of that size and returns reader, display and view."""
    write_polydata(data, "data.vtp")
    reader = XMLPolyDataReader(FileName=str(pathlib.Path("data.vtp").resolve()))
    view = CreateRenderView(ViewSize=list(size), OrientationAxesVisibility=0,
                            UseColorPaletteForBackground=0, Background=[1.0, 1.0, 1.0],
                            InteractionMode="2D")
    display = Show(reader, view)
    display.SetRepresentationType(representation)
    if color:
        ColorBy(display, ("POINTS", color))
    for name, value in properties.items():
        setattr(display, name, value)
    ResetCamera(view)
    Render(view)
    return reader, display, view


def picture(view, name, enlarged=1):
    """Saves the view as name.png, larger where asked, and returns its pixels (height, width, 3)."""
    path = f"{name}.png"
    SaveScreenshot(path, view, ImageResolution=[enlarged * length for length in view.ViewSize])
    return read_png(path)


def read_png(path):
    reader = vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars())
    return pixels.reshape(height, width, -1)[:, :, :3].astype(float)


def difference(one, other):
    """Largest difference (0 to 255) between the means of 8 x 8 blocks.

    Smoothing of edges differs between graphics drivers and hardly changes the mean of a block; a
    label or a ring that is missing or elsewhere does.
    """
    assert one.shape == other.shape, f"{one.shape} pixels instead of {other.shape}"
    height, width, channels = one.shape
    blocks = (one - other)[:height // 8 * 8, :width // 8 * 8]
    blocks = blocks.reshape(height // 8, 8, width // 8, 8, channels).mean(axis=(1, 3))
    return np.abs(blocks).max()


TOLERANCE = 16.0


def expect_like(one, other, what, tolerance=TOLERANCE):
    found = difference(one, other)
    assert found <= tolerance, f"{what}: the pictures differ by {found:.1f}"


def expect_baseline(view, name):
    """The view looks like Testing/Baselines/name.png."""
    found = picture(view, name)
    baseline = BASELINES / f"{name}.png"
    assert baseline.exists(), f"no {baseline}; if {pathlib.Path(name).resolve()}.png is right, copy it"
    expect_like(found, read_png(baseline), name)


def labels(view):
    """Text and box (left, bottom, right, top; pixels) of every label that is drawn."""
    renderer = view.GetClientSideObject().GetNonCompositedRenderer()
    coordinate = vtkCoordinate()
    coordinate.SetCoordinateSystemToWorld()
    found = []
    for prop in renderer.GetViewProps():
        if isinstance(prop, vtkBillboardTextActor3D) and prop.GetVisibility():
            bounds = prop.GetBounds()
            box = []
            for x, y in ((bounds[0], bounds[2]), (bounds[1], bounds[3])):
                coordinate.SetValue(x, y, bounds[4])
                box += coordinate.GetComputedDoubleDisplayValue(renderer)
            found.append((prop.GetInput(), box))
    return found
