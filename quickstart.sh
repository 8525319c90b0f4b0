#!/usr/bin/env bash
# Sets up and builds Halyard, compiles the model of examples/g2p with it, builds a small program around the result,
# and prints how words are pronounced.
#
#   ./quickstart.sh [WORD...]
set -euo pipefail
cd "$(dirname "$0")"
words=("$@")
[ ${#words[@]} -gt 0 ] || words=(halyard compiler wainwright underwhelmed synthesizers)

./setup.sh
export PATH="$PWD/build/venv/bin:$PATH"
mkdir -p build
if [ ! -x build/bin/halyard ]; then
  echo "building halyard (some minutes the first time)"
fi
cmake --preset default >build/configure.log || { cat build/configure.log; exit 1; }
cmake --build --preset default --target halyard

demo=build/quickstart
mkdir -p "$demo"
echo "compiling examples/g2p"
build/bin/halyard compile examples/g2p -o "$demo/g2p"
cmake -G Ninja -S examples/g2p -B "$demo/build" -DG2P_ARTIFACT="$PWD/$demo/g2p" -DCMAKE_BUILD_TYPE=Release >"$demo/configure.log"
cmake --build "$demo/build" >"$demo/build.log" || { cat "$demo/build.log"; exit 1; }
"$demo/build/pronounce" "$demo/g2p/g2p.weights" "${words[@]}"
