#!/usr/bin/env bash
# Sets up, builds and runs every test. Needs Debian 12 and, for what setup.sh installs, root or sudo.
set -euo pipefail
cd "$(dirname "$0")"

./setup.sh
export PATH="$PWD/build/venv/bin:$PATH"
cmake --preset default >build/configure.log || { cat build/configure.log; exit 1; }
cmake --build --preset default
ctest --preset default --parallel "$(nproc)"
