# SPDX-License-Identifier: BSD-3-Clause
"""Both layouts, with and without their parts, look as they should."""
from paraview.simple import ColorBy, Render

import SyntheticEmbedding
import TreeAxes

for layout, representation in TreeAxes.TYPES.items():
    embedding = SyntheticEmbedding.make_embedding(layout, instances=3, iterations=20)
    _, display, view = TreeAxes.show(embedding, representation)
    TreeAxes.expect_baseline(view, f"TreeAxes-{layout}")

    whole = TreeAxes.picture(view, "whole")
    for part in ("AxesVisibility", "PromptVisibility", "TrajectoryVisibility"):
        setattr(display, part, 0)
        without = TreeAxes.picture(view, f"without-{part}")
        assert TreeAxes.difference(whole, without) > TreeAxes.TOLERANCE, f"{part} changes nothing"
        setattr(display, part, 1)
    TreeAxes.expect_like(TreeAxes.picture(view, "again"), whole, "parts shown again")

    # ParaView draws a picture larger than its view tile by tile.
    large = TreeAxes.picture(view, "large", enlarged=2)
    view.ViewSize = [800, 800]
    Render(view)
    TreeAxes.expect_like(large, TreeAxes.picture(view, "in-a-large-view"), "a picture in tiles")
    view.ViewSize = [400, 400]
    Render(view)

    # On ParaView's own background, by timestep, solid color, larger.
    view.Background = [0.32, 0.34, 0.43]
    ColorBy(display, None)
    display.AxesLabels = "Timestep"
    display.LabelFontSize = 20
    display.PointSize = 3
    display.LineWidth = 2
    display.TrajectoryOpacity = 1
    display.MaximumAxes = 3
    view.ResetCamera()
    Render(view)
    TreeAxes.expect_baseline(view, f"TreeAxes-{layout}-styled")
