# Sourced by Testing/run.sh and Examples/quickstart.sh: the Debian packages they need, and a function
# that installs those that are missing.

# To build and run. paraview-dev names few of its dependencies; the second line makes up for it.
runPackages=(
  cmake ninja-build g++ mold
  paraview-dev python3-paraview python3-dev libutfcpp-dev mpi-default-dev libglew-dev libfreetype-dev
  libeigen3-dev libfftw3-dev nlohmann-json3-dev libcli11-dev libssl-dev libicu-dev zlib1g-dev libpng-dev libjpeg-dev libturbojpeg0-dev
  libwebp-dev libhdf5-dev libzip-dev libcsv-dev
  libtorch-dev libopenblas0-openmp
  xvfb xauth libgl1-mesa-dri python3-matplotlib)

# To test as well.
testPackages=(libgtest-dev git clang-format clang-tidy libomp-dev)

# To fuzz as well.
fuzzPackages=(clang libclang-rt-14-dev)

install_missing()
{
  local package missing=()
  for package in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  if ! command -v apt-get >/dev/null; then
    echo "Install what Debian names: ${missing[*]}" >&2
    return 1
  fi
  local asRoot=()
  if [ "$(id -u)" -ne 0 ]; then
    asRoot=(sudo)
  fi
  echo "Installing ${missing[*]}"
  "${asRoot[@]}" apt-get update -q
  "${asRoot[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Runs a command with a display of its own. Without -noreset the X server may reset between two clients.
with_display()
{
  xvfb-run -a -s "-screen 0 1280x1024x24 -noreset" "$@"
}
