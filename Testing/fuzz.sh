#!/usr/bin/env bash
# Fuzzes everything that parses files, under sanitizers; installs what a Debian 12 lacks.
#
#   Testing/fuzz.sh [SECONDS]       each fuzzer for so long (default 600), from chance
#   Testing/fuzz.sh --runs COUNT    each fuzzer COUNT inputs, the same ones every time
#   Testing/fuzz.sh --coverage      tells which part of the parsers the inputs kept so far reach
#
# Inputs that reach new code are kept in build-fuzz/corpus (not those of --runs, which start afresh), those
# that fail in build-fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."
source Testing/setup.sh

install_missing "${runPackages[@]}" "${testPackages[@]}" "${fuzzPackages[@]}"

if [ "${1:-}" = --coverage ]; then
  install_missing llvm
  folder=build-fuzz-coverage
  cmake --preset fuzz -B "$folder" \
    -DCMAKE_CXX_FLAGS="-fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping"
  cmake --build "$folder" --target tdlFuzzers
  rm -f "$folder"/*.profraw
  objects=()
  for fuzzer in "$folder"/Testing/Fuzz/Fuzz*; do
    [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
    name=$(basename "$fuzzer")
    mkdir -p "build-fuzz/corpus/$name"
    LLVM_PROFILE_FILE="$folder/$name.profraw" \
      "$fuzzer" -runs=0 "build-fuzz/corpus/$name" "Testing/Fuzz/Corpus/$name" 2>/dev/null
    objects+=(-object "$fuzzer")
  done
  llvm-profdata merge -o "$folder/all.profdata" "$folder"/*.profraw
  llvm-cov report "${objects[@]:1}" -instr-profile="$folder/all.profdata" \
    -ignore-filename-regex='^/usr/|/Testing/|\.h$'
  exit
fi

launcher=()
if [ "${1:-}" = --runs ]; then
  # What libFuzzer tries next depends on addresses as well, and on the time when it reads its folder again.
  limit=(-runs="$2" -seed=1 -reload=0)
  if setarch -R true 2>/dev/null; then # containers may forbid it
    launcher=(setarch -R)
  fi
  kept=build-fuzz/runs
  rm -rf "$kept"
else
  limit=(-max_total_time="${1:-600}")
  kept=build-fuzz/corpus
fi

cmake --preset fuzz
cmake --build --preset fuzz

findings=build-fuzz/findings
mkdir -p "$findings"
for fuzzer in build-fuzz/Testing/Fuzz/Fuzz*; do
  [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
  name=$(basename "$fuzzer")
  corpus=$kept/$name
  mkdir -p "$corpus"
  printf '\n== %s\n' "$name"
  "${launcher[@]}" "$fuzzer" "${limit[@]}" -timeout=20 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$findings/$name-" "$corpus" "Testing/Fuzz/Corpus/$name" 2>"$findings/$name.log" ||
    { tail -n 40 "$findings/$name.log"; exit 1; }
  grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' "$findings/$name.log"
  grep -E 'cov: ' "$findings/$name.log" | tail -n 1
done
