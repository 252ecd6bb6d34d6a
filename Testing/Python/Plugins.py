# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the plugins themselves share."""
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PLUGIN_LIST = pathlib.Path(os.environ["PV_PLUGIN_CONFIG_FILE"])


def with_torch():
    """Whether this build has the plugin that runs networks."""
    return "TreeOfDiffusionLifeNetworks" in PLUGIN_LIST.read_text()


def libraries_after(statements, plugin_list=None):
    """Runs statements in a pvpython of their own and returns the libraries it has loaded then."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("PV_PLUGIN_CONFIG_FILE", "PYTHONPATH")}
    if plugin_list:
        environment["PV_PLUGIN_CONFIG_FILE"] = str(plugin_list)
    script = pathlib.Path("statements.py")
    script.write_text(statements + "\nprint(open('/proc/self/maps').read())\n")
    run = subprocess.run([os.readlink("/proc/self/exe"), str(script)], env=environment, text=True,
                         capture_output=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return {pathlib.Path(line.split()[-1]) for line in run.stdout.splitlines() if ".so" in line}
