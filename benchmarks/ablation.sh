#!/usr/bin/env bash
# SiamMOTION's Table 1: trains each network of the ablation with the same settings, then scores all.
#
#   benchmarks/ablation.sh DATA OUT STEPS [OPTION...]
#
# DATA holds the folders train, stills and val (MOT sequences to score on). Each network is trained
# for STEPS steps into a folder of OUT; an interrupted run continues when it is started again.
# OPTIONs are mvot-train's, such as --device cuda, --cache DIR, or --hours H, after which the
# training of a network ends. MVOT_CONFIG is the training's config (siammotion-ablation).
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(realpath "$(dirname "$0")/..")
data=$1 out=$2 steps=$3
shift 3
config=${MVOT_CONFIG:-siammotion-ablation}
export PYTHONPATH="$root:$root/synthetic:$root/pipelines:$root/benchmarks:$root/training:${PYTHONPATH:-}"
export PYTHONUNBUFFERED=1
python=${PYTHON:-python3}

train() { # NAME "PART..." [OPTION...]; the network lacks these parts
  local name=$1 part off=()
  for part in $2; do off+=(--set "network.$part=false"); done
  "$python" -m mvot_training.cli siammotion --config "$config" --set "steps=$steps" "${off[@]}" \
    --hours 10000 --data "$data/train" "$data/stills" --output "$out/$name" "${@:3}"
}

train whole "" "$@"
train without-F "pyramid" "$@"
train without-R "rpn" "$@"
train without-A "attention" "$@"
train B+F "rpn attention" "$@"
train B "pyramid rpn attention" "$@"
"$python" -m mvot_benchmarks.cli ablation "$data"/val/*/ --weights "$out"/*/*.safetensors |
  tee "$out/ablation.md"
