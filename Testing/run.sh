#!/usr/bin/env bash
# All that is checked before a change is accepted: style, static analysis, the algorithms under
# sanitizers, and every test. Installs what a Debian 12 lacks.
set -euo pipefail
cd "$(dirname "$0")/.."
source Testing/setup.sh

step()
{
  printf '\n== %s (%d s)\n' "$1" "$SECONDS"
}

step "Packages"
install_missing "${runPackages[@]}" "${testPackages[@]}"

step "Style"
git ls-files -z '*.h' '*.cxx' | xargs -0 clang-format --dry-run -Werror

step "Build"
cmake --preset default
cmake --build --preset default

step "Static analysis"
# Clang can't read headers that GCC has precompiled.
mkdir -p build/tidy
sed 's/-Winvalid-pch  *-include [^ ]*//' build/compile_commands.json > build/tidy/compile_commands.json
run-clang-tidy -quiet -p build/tidy "^$PWD/(Filters|Readers|Representations)/(?!.*/Testing/)"

step "Algorithms under sanitizers"
# What runs networks takes long to compile so; `cmake --preset core-sanitize` has it, too.
cmake --preset core-sanitize -DTDL_WITH_TORCH=OFF
cmake --build --preset core-sanitize
ctest --preset core-sanitize -j "$(nproc)"

step "Tests"
with_display ctest --preset default --no-label-summary -j "$(nproc)"
