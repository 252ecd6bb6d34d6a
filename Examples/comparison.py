# SPDX-License-Identifier: BSD-3-Clause
"""What the examples share that lay trees side by side on a page: compare_encoders.py and
compare_schedulers.py. Imported by pvpython with the plugins loaded."""
import csv
import itertools
import sys

import matplotlib
import numpy as np
from paraview.simple import *
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkStringArray

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.lines import Line2D

LAYOUTS = {"Radial": "TDL Radial Axes", "Rectilinear": "TDL Rectilinear Axes"}
# Told apart by everybody (Okabe and Ito), dark enough for lines on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")


def update(proxy, what):
    """Brings a stage up to date; ends at its first error."""
    def fail(_algorithm, _event, message):
        sys.exit(f"{what}: {message}")
    fail.CallDataType = "string0"
    print(what, file=sys.stderr)
    proxy.GetClientSideObject().AddObserver("ErrorEvent", fail)
    proxy.UpdatePipeline()


def output_of(proxy, port=0):
    return proxy.GetClientSideObject().GetOutputDataObject(port)


def columns_of(fields):
    """The arrays of a table's rows or of field data by name: NumPy arrays, or lists of strings."""
    arrays = [fields.GetAbstractArray(i) for i in range(fields.GetNumberOfArrays())]
    return {array.GetName(): [array.GetValue(i) for i in range(array.GetNumberOfValues())]
            if isinstance(array, vtkStringArray) else vtk_to_numpy(array) for array in arrays}


def make_view(embedding, name, representation):
    view = CreateView("RenderView")
    view.UseColorPaletteForBackground = 0
    view.Background = [1, 1, 1]
    view.OrientationAxesVisibility = 0
    view.InteractionMode = "2D"
    display = Show(embedding, view)
    display.SetRepresentationType(representation)
    title = Show(Text(Text=name), view)
    title.WindowLocation = "Upper Left Corner"
    title.Color = [0, 0, 0]
    title.FontSize = 16
    Render(view)
    ResetCamera(view)
    return view, display, title


def pictures_of(row, size, folder):
    """The pixels of a layout's views, with large labels of the axes and room for them, and without the
    names of prompts, which the page has in its legend."""
    file = folder / "view.png"
    pictures = []
    scale = row[0][0].CameraParallelScale
    for view, _, _ in row:
        view.CameraParallelScale = 1.3 * scale
    for view, display, title in row:
        usual = {name: display.GetPropertyValue(name) for name in ("LabelFontSize", "PointSize")}
        display.PromptVisibility = title.Visibility = 0
        display.LabelFontSize, display.PointSize = 30, 3
        SaveScreenshot(str(file), view, ImageResolution=list(size))
        display.PromptVisibility = title.Visibility = 1
        for name, value in usual.items():
            setattr(display, name, value)
        pictures.append(pyplot.imread(file))
        file.unlink()
    for view, _, _ in row:
        view.CameraParallelScale = scale
    return pictures


def crop(pictures):
    """The pictures without the white margin that all of them have."""
    inked = np.min([picture[:, :, :3].min(axis=2) for picture in pictures], axis=0) < 0.99
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return [picture[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] for picture in pictures]


def frame_alike(views):
    """The camera that frames the largest tree frames all."""
    largest = max(views, key=lambda view: view.CameraParallelScale)
    for view in views:
        view.CameraPosition = largest.CameraPosition
        view.CameraFocalPoint = largest.CameraFocalPoint
        view.CameraParallelScale = largest.CameraParallelScale


def prompts_of(table):
    """The texts of a feature table's prompts with the colors that the views give them."""
    ids = np.unique(columns_of(table.GetRowData()).get("PromptId", []))
    texts = columns_of(table.GetFieldData()).get("Prompts", [])
    transfer = GetColorTransferFunction("PromptId").GetClientSideObject()
    prompts = []
    for i in ids:
        color = [0.0, 0.0, 0.0]
        transfer.GetColor(i, color)
        prompts.append((texts[i] if i < len(texts) else f"prompt {i}", color))
    return prompts


def legend_of_prompts(page, prompts, place):
    """The names of prompts beside their colors, below a place on the page."""
    marks = [Line2D([], [], linestyle="", marker="o", markersize=5, color=color)
             for _, color in prompts]
    page.legend(marks, [text for text, _ in prompts], loc="upper center", frameon=False,
                bbox_to_anchor=place, fontsize=7.5, ncol=min(len(prompts), 10), handletextpad=0.1,
                columnspacing=1.0)


def line_colors(names):
    return dict(zip(names, itertools.cycle(COLORS)))


def write_csv(file, rows):
    with open(file, "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def style_chart(axes, iterations, title, label="iteration"):
    axes.set_xlim(iterations.min(), max(iterations.max(), iterations.min() + 1))
    axes.set_ylim(0, 1.02)
    axes.set_title(title, loc="left", fontsize=8, fontweight="bold", pad=4)
    axes.grid(color="0.9", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7, length=2)
    axes.set_xlabel(label, fontsize=7, labelpad=1)


def draw_pair(axes, x, y, first, second):
    """A line in the colors of both of a pair."""
    return (axes.plot(x, y, color=first, linewidth=1.4)[0],
            axes.plot(x, y, color=second, linewidth=1.4, dashes=(3, 3))[0])


def draw_table(page, place, first, header, rows, colors):
    """Figures in columns, the first, up to `first`, of words behind a line as in the charts."""
    axes = page.add_axes(place)
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows), -2)
    rights = np.linspace(first, 1, len(header))
    axes.plot([0, 1], [0, 0], color="black", linewidth=0.6, clip_on=False)
    for i, cell in enumerate(header):
        axes.text(0 if i == 0 else rights[i], -0.25, cell, fontsize=6.5, va="bottom",
                  ha="left" if i == 0 else "right", linespacing=1.1)
    for y, (row, pair) in enumerate(zip(rows, colors)):
        draw_pair(axes, [0, 0.06], [y + 0.6, y + 0.6], pair[0], pair[-1])
        for i, cell in enumerate(row):
            axes.text(0.075 if i == 0 else rights[i], y + 0.6, cell, fontsize=7,
                      va="center_baseline", ha="left" if i == 0 else "right")
