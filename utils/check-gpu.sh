#!/usr/bin/env bash
# Runs all tests and benchmarks of the target cuda-ptx on this machine's GPU, through NVIDIA's own driver, and says
# what they gave. Builds Halyard first if need be. The last lines are for docs/gpu.md.
#
#   utils/check-gpu.sh [MODEL_DIR...]    models to measure beside the small ones that are tested
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v nvidia-smi >/dev/null || ! nvidia-smi -L >/dev/null 2>&1; then
  echo "no GPU: nvidia-smi finds none" >&2
  exit 1
fi
./setup.sh
export PATH=$PWD/build/venv/bin:$PATH
[ -f build/build.ninja ] || cmake --preset default
cmake --build --preset default

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for model in t5 bart whisper slm-tiny; do
  # The tests of the stand-in, without it.
  python -B test/execution/check_model.py "$PWD/build/bin/halyard" "test/models/$model" "$work/$model" \
    --target cuda-ptx || failed=1
  python -B test/execution/check_device.py "$PWD/build/bin/halyard" "test/models/$model" "$work/$model.f16" 8 \
    --target cuda-ptx --weights f16 || failed=1
done
ctest --preset default -R 'execution\.ptxas' || failed=1
for model in "$@" test/models/t5; do
  for weights in f32 f16; do
    build/bin/halyard compile "$model" -o "$work/measured" --target cuda-ptx --weights "$weights"
    echo "$model, $weights:"
    build/bin/halyard bench "$work/measured" || failed=1
    rm -rf "$work/measured"
  done
done
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
date -u +%Y-%m-%d
[ "$failed" = 0 ] && echo "all passed" || { echo "some failed"; exit 1; }
