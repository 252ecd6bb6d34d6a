# SPDX-License-Identifier: BSD-3-Clause
"""Several processes and a remote server draw the picture that one process draws."""
import itertools
import socket
import subprocess
import sys

from paraview.simple import Connect, Delete, Disconnect, GetSettingsProxy

import Parallel
import SyntheticEmbedding
import TreeAxes


def draw(kind):
    """Draws both layouts as <layout>-<kind>.png, and without axes as <layout>-<kind>-bare.png."""
    for layout, representation in TreeAxes.TYPES.items():
        embedding = SyntheticEmbedding.make_embedding(layout, instances=3, iterations=20)
        reader, display, view = TreeAxes.show(embedding, representation)
        TreeAxes.picture(view, f"{layout}-{kind}")
        display.AxesVisibility = 0
        TreeAxes.picture(view, f"{layout}-{kind}-bare")
        Delete(view)
        Delete(reader)


def draw_with_server():
    """Draws with a server of its own process: on the server, then here."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = ["pvserver", f"--server-port={port}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        next(line for line in server.stdout if "Accepting connection" in line)
        Connect("localhost", port)
        for kind, threshold in (("remote", 0.0), ("local", 1000.0)):
            GetSettingsProxy("RenderViewSettings").RemoteRenderThreshold = threshold
            draw(kind)
        Disconnect()
    finally:
        server.kill()


def expect_same(kinds, part, tolerance):
    for kind, layout in itertools.product(kinds, TreeAxes.TYPES):
        found = TreeAxes.read_png(f"{layout}-{kind}{part}.png")
        one = TreeAxes.read_png(f"{layout}-serial{part}.png")
        TreeAxes.expect_like(found, one, f"{layout} {kind}", tolerance)


if "batch" in sys.argv:
    draw("batch")
else:
    draw("serial")
    draw_with_server()
    expect_same(("remote", "local"), "", TreeAxes.TOLERANCE)
    if Parallel.is_possible():
        Parallel.run(__file__)
        # Points of one process may cover those of another, and its axes the points.
        expect_same(("batch",), "-bare", 1.5 * TreeAxes.TOLERANCE)
