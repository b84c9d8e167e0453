#!/usr/bin/env bash
# What waits for a GPU, in short stages; benchmarks/gpu.md says how to use it.
#
#   here:   benchmarks/gpu.sh pack DATA                   -> .gpu/1 .gpu/2 .gpu/wheels
#   there:  benchmarks/gpu.sh unpack .gpu/1               (then .gpu/2; they gather in $MVOT_DATA)
#           benchmarks/gpu.sh train NAME HOURS OUT [FILE] (FILE: last.pt or weights to go on from)
#           benchmarks/gpu.sh bench OUT
set -euo pipefail
cd "$(dirname "$0")/.."
data=${MVOT_DATA:-/tmp/mvot-data}
export PYTHONPATH="$PWD:$PWD/pipelines:$PWD/benchmarks:$data/packages" PYTHONUNBUFFERED=1
python=${PYTHON:-python3}

case ${1:-} in
pack)
  rm -rf .gpu && mkdir -p .gpu/1/train .gpu/2/stills .gpu/wheels
  cp -r "$2"/train/. .gpu/1/train/
  cp -r "$2"/stills/. .gpu/2/stills/
  "$python" -m pip download -q --no-deps --only-binary :all: -d .gpu/wheels \
    --python-version "${MVOT_PYTHON:-3.12}" jaxtyping wadler-lindig tqdm pyyaml lap
  du -sm .gpu/*
  ;;
unpack)
  mkdir -p "$data/packages"
  cp -r "$2"/. "$data/"
  if [ -d .gpu/wheels ]; then
    "$python" -m pip install -q --no-index --no-deps --target "$data/packages" .gpu/wheels/*.whl
  fi
  ;;
train)
  name=$2 hours=$3 out=$4 from=${5:-}
  mkdir -p "$out"
  start=()
  case $from in
  *.pt) cp "$from" "$out/last.pt" ;;
  ?*) start=(--weights "$from") ;;
  esac
  "$python" -m mvot_pipelines.training siammotion --preset "$name" --device "${MVOT_DEVICE:-cuda}" \
    --config "pipelines/configs/$name.yaml" --hours "$hours" --cache "$data/cache" \
    --data "$data"/train "$data"/stills --output "$out" "${start[@]}"
  ;;
bench)
  mkdir -p "$2"
  "$python" -m mvot_benchmarks.cli stages --engine siammotion --device "${MVOT_DEVICE:-cuda}" | tee "$2/stages.md"
  "$python" -m mvot_benchmarks.cli stages --engine siammotion-n --device "${MVOT_DEVICE:-cuda}" | tee "$2/stages-n.md"
  ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 2
  ;;
esac
