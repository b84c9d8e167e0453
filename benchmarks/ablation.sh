#!/usr/bin/env bash
# SiamMOTION's Table 1: trains every network of the ablation alike, then scores them all.
#
#   benchmarks/ablation.sh DATA OUT STEPS [OPTION...]
#
# DATA holds train, stills and val (MOT sequences to score on). Each network is trained for STEPS
# steps into a folder of OUT; broken off and run again, it goes on. OPTIONs are mvot-train's, such as
# --device cuda, --cache DIR, or --hours H, after which a network is left as it is. MVOT_CONFIG is the
# training's settings (pipelines/configs/ablation.yaml).
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(realpath "$(dirname "$0")/..")
data=$1 out=$2 steps=$3
shift 3
config=${MVOT_CONFIG:-$root/pipelines/configs/ablation.yaml}
export PYTHONPATH="$root:$root/pipelines:$root/benchmarks:${PYTHONPATH:-}" PYTHONUNBUFFERED=1
python=${PYTHON:-python3}

train() { # NAME SWITCHES
  mkdir -p "$out/$1"
  { grep -v '^steps:' "$config"; echo "steps: $steps"; echo "network: {$2}"; } >"$out/$1/settings.yaml"
  "$python" -m mvot_pipelines.training siammotion --config "$out/$1/settings.yaml" --hours 10000 \
    --data "$data/train" "$data/stills" --output "$out/$1" "${@:3}"
}

train whole "" "$@"
train without-F "pyramid: false" "$@"
train without-R "rpn: false" "$@"
train without-A "attention: false" "$@"
train B+F "rpn: false, attention: false" "$@"
train B "pyramid: false, rpn: false, attention: false" "$@"
"$python" -m mvot_benchmarks.cli ablation "$data"/val/*/ --weights "$out"/*/*.safetensors |
  tee "$out/ablation.md"
