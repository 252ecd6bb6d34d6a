#!/usr/bin/env bash
# From a fresh Debian 12 to the picture: installs what is missing, builds the plugins, and grows a tree
# from the default models. Arguments go to tree.py (--output, --instances, --steps, --seed).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source "$root/Testing/setup.sh"

install_missing "${runPackages[@]}"
cmake -S "$root" --preset default -DBUILD_TESTING=OFF
cmake --build "$root/build" --target TreeOfDiffusionLife TreeOfDiffusionLifeNetworks

export PV_PLUGIN_CONFIG_FILE=$root/build/lib/tree-of-diffusion-life/tree-of-diffusion-life.xml
with_display pvpython "$root/Examples/tree.py" "$@"
