#!/usr/bin/env bash
# Installs everything that building and testing Halyard needs, on Debian 12 (as root or with sudo).
# Debian packages: compilers, MLIR/LLVM 22, protobuf; for the tests alone, a compiler for 64-bit Arm, emulators of other
# machines, and OpenCL on the processor. PyPI packages go into build/venv: Halide 21, CMake, and, for the tests alone,
# ONNX, ONNX Runtime, NumPy, lit and the tools of Arm's NPUs. Running it again costs a second.
set -euo pipefail
cd "$(dirname "$0")"

packages=(
  ca-certificates g++ git ninja-build ccache python3 python3-venv python3-dev
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools clang-22 lld-22 clang-format-22
  libprotobuf-dev protobuf-compiler libzstd-dev zlib1g-dev
  libcli11-dev nlohmann-json3-dev libgtest-dev
  g++-aarch64-linux-gnu qemu-user
  ocl-icd-libopencl1 pocl-opencl-icd
  gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  echo "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Debian's own Python, so that the wheel that is fetched does not depend on what else is on PATH.
venv=build/venv
stamp=$venv/.installed
if ! cat requirements.txt requirements-npu.txt | cmp -s - "$stamp"; then
  echo "installing Python packages into $venv"
  mkdir -p build
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r requirements-npu.txt
  cat requirements.txt requirements-npu.txt >"$stamp"
fi
