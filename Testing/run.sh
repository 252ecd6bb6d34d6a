#!/usr/bin/env bash
# All that is checked before a change is accepted: style, static analysis, the algorithms under
# sanitizers, what parses files under fuzzing, and every test. Installs what a Debian 12 lacks.
set -euo pipefail
cd "$(dirname "$0")/.."
source Testing/setup.sh

step()
{
  printf '\n== %s (%d s)\n' "$1" "$SECONDS"
}

step "Packages"
install_missing "${runPackages[@]}" "${testPackages[@]}" "${fuzzPackages[@]}"

step "Style"
git ls-files -z '*.h' '*.cxx' | xargs -0 clang-format --dry-run -Werror

step "Build"
cmake --preset default
cmake --build --preset default

step "Static analysis"
# Files of a library become one, so that its headers are read once: a fifth of the time. They are
# joined rather than included, as Clang's analyzer passes over what is included.
cmake --preset default -B build/tidy -DBUILD_TESTING=OFF -DCMAKE_UNITY_BUILD=ON \
  -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON
find build/tidy/{Filters,Readers,Representations} -name 'unity_*.cxx' | while read -r unit; do
  sed -n 's/^#include "\(.*\)"$/\1/p' "$unit" | xargs -d '\n' cat > "$unit.joined"
  mv "$unit.joined" "$unit"
done
run-clang-tidy -quiet -p build/tidy "^$PWD/build/tidy/(Filters|Readers|Representations)/"

step "Algorithms under sanitizers"
# What runs networks takes long to compile so; `cmake --preset core-sanitize` has it, too.
cmake --preset core-sanitize -DTDL_WITH_TORCH=OFF
cmake --build --preset core-sanitize
ctest --preset core-sanitize -j "$(nproc)"

step "Fuzzers"
Testing/fuzz.sh --runs 20000

step "Tests"
with_display ctest --preset default --no-label-summary -j "$(nproc)"
