#!/usr/bin/env bash
# Fuzzes everything that parses files, under sanitizers; installs what a Debian 12 lacks.
#
#   Testing/fuzz.sh [SECONDS]       each fuzzer for so long (default 600), from chance
#   Testing/fuzz.sh --runs COUNT    each fuzzer COUNT inputs, the same ones every time
#
# Inputs that reach new code are kept in build-fuzz/corpus, those that fail in build-fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."
source Testing/setup.sh

install_missing "${runPackages[@]}" "${testPackages[@]}" "${fuzzPackages[@]}"
if [ "${1:-}" = --runs ]; then
  limit=(-runs="$2" -seed=1)
else
  limit=(-max_total_time="${1:-600}")
fi

cmake --preset fuzz
cmake --build --preset fuzz

findings=build-fuzz/findings
mkdir -p "$findings"
for fuzzer in build-fuzz/Testing/Fuzz/Fuzz*; do
  [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
  name=$(basename "$fuzzer")
  corpus=build-fuzz/corpus/$name
  [ "${1:-}" != --runs ] || rm -rf "$corpus"
  mkdir -p "$corpus"
  printf '\n== %s\n' "$name"
  "$fuzzer" "${limit[@]}" -timeout=20 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$findings/$name-" "$corpus" "Testing/Fuzz/Corpus/$name" 2>"$findings/$name.log" ||
    { tail -n 40 "$findings/$name.log"; exit 1; }
  grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' "$findings/$name.log"
  grep -E 'cov: ' "$findings/$name.log" | tail -n 1
done
