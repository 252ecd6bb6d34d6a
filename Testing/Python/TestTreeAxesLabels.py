# SPDX-License-Identifier: BSD-3-Clause
"""Resetting the camera shows all labels, in windows of any shape; no two overlap at any zoom."""
import itertools

from paraview.simple import Render

import SyntheticEmbedding
import TreeAxes

NAMES = set(SyntheticEmbedding.PROMPTS)


def expect_apart(view):
    for (one, a), (other, b) in itertools.combinations(TreeAxes.labels(view), 2):
        assert (a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]), \
            f"{one} {a} overlaps {other} {b}"


for layout, representation in TreeAxes.TYPES.items():
    embedding = SyntheticEmbedding.make_embedding(layout, instances=3, iterations=20)
    for width, height in ((400, 400), (900, 500), (400, 700)):
        for projection in (0, 1):
            _, display, view = TreeAxes.show(embedding, representation, (width, height))
            view.CameraParallelProjection = projection
            view.ResetCamera()
            Render(view)
            labels = TreeAxes.labels(view)
            assert NAMES <= {text for text, _ in labels}, labels
            assert "19" in {text for text, _ in labels}, labels
            for text, (left, bottom, right, top) in labels:
                assert 0 <= left < right <= width and 0 <= bottom < top <= height, \
                    f"{text} at {left, bottom, right, top} leaves {width, height}"
            reach = max(right for _, (_, _, right, _) in labels)
            assert reach > width / 2, "the tree uses little of the window"
            expect_apart(view)

    # Crowded: labels keep their size while the tree shrinks.
    view.CameraParallelScale *= 3
    Render(view)
    expect_apart(view)
    assert NAMES <= {text for text, _ in TreeAxes.labels(view)}

    display.PromptVisibility = 0
    Render(view)
    assert not NAMES & {text for text, _ in TreeAxes.labels(view)}
    display.PromptVisibility = 1
    display.MaximumPromptLength = 4
    Render(view)
    assert {"Coat", "San\u2026"} <= {text for text, _ in TreeAxes.labels(view)}
    display.AxesLabels = "Timestep"
    view.ResetCamera()
    Render(view)
    assert {"timestep", "0"} <= {text for text, _ in TreeAxes.labels(view)}
    display.AxesLabels = "Sigma"
    display.PromptVisibility = 0
    Render(view)
    texts = {text for text, _ in TreeAxes.labels(view)}
    assert {"sigma", "0"} <= texts and "timestep" not in texts, texts
    values = [float(text) for text in texts - {"sigma"}]
    assert any(0 < value < 1 for value in values) and max(values) > 1, values
    display.Visibility = 0
    Render(view)
    assert not TreeAxes.labels(view)
