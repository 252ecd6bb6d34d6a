# SPDX-License-Identifier: BSD-3-Clause
"""A state file, saved and loaded again, gives the same picture; so does a Python state."""
from paraview import smstate
from paraview.simple import (Delete, GetActiveViewOrCreate, GetSources, GetViews, LoadState,
                             SaveState)

import SyntheticEmbedding
import TreeAxes


def clear():
    # Not ResetSession: after it, ParaView 5.11's pvpython draws nothing in new views.
    for proxy in [*GetViews(), *GetSources().values()]:
        Delete(proxy)


for layout, representation in TreeAxes.TYPES.items():
    embedding = SyntheticEmbedding.make_embedding(layout, instances=3, iterations=20)
    _, _, view = TreeAxes.show(embedding, representation, AxesLabels="Timestep", PointSize=3,
                               LabelFontSize=12, TrajectoryOpacity=0.8)
    before = TreeAxes.picture(view, f"{layout}-before")
    SaveState(f"{layout}.pvsm")
    script = smstate.get_state()
    for load in (lambda: LoadState(f"{layout}.pvsm"), lambda: exec(script, {})):
        clear()
        load()
        view = GetActiveViewOrCreate("RenderView")
        TreeAxes.expect_like(TreeAxes.picture(view, f"{layout}-after"), before, layout)
    clear()
