#!/usr/bin/env bash
# Measures every number of the README: JSON files, tables and plots.
#
#   benchmarks/measure.sh OUT NANOTRACK SEQ...
#
# NANOTRACK is the folder of NanoTrack's model files, of the engine nanotrack and of opencv-nano. SEQ
# are sequences with det.txt and gt.txt. The merging is measured on rendered streets, and on the
# sequences of MVOT_CROWDS besides (folders, separated by blanks). Rows that OUT has already are not
# measured again. Times need a machine that is otherwise idle.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
out=$1 nanotrack=(--nanotrack "$2")
shift 2
mkdir -p "$out"
bench=${MVOT_BENCH:-mvot-bench}

[ -d "$out/streets" ] || $bench streets "$out/streets"
many=("$out"/streets/* ${MVOT_CROWDS:-})
$bench mot "${many[@]}" --engine lk-flow --detect-every 1 5 10 20 --runs 3 --json "$out/merging.json"
$bench mot "${many[@]}" --engine lk-flow --detect-every 1 5 10 --without all \
  --json "$out/merging-parts.json"
$bench peers "${many[@]}" --engine lk-flow --json "$out/merging-peers.json"
$bench ceiling "${many[@]}" --engine lk-flow --detect-every 1 5 10 --json "$out/ceiling.json" \
  --plot "$out/ceiling.png"
$bench mot "$@" "${nanotrack[@]}" --engine hold kalman lk-flow nanotrack siammotion-n \
  --json "$out/mot.json"
$bench rt "$@" "${nanotrack[@]}" --engine hold lk-flow nanotrack --fps 25 \
  --detector-ms 60 --json "$out/rt.json"
$bench rt "$@" ${MVOT_CROWDS:-} --engine lk-flow --fps 25 --async --detector-ms 60 120 300 30 600 \
  --detect-every 1 5 10 20 --json "$out/rt-async.json"
[ -d "$out/others" ] || $bench streets "$out/others" --first 201
intervals=(--engine lk-flow --detect-every 2 3 5 7 10 14 20 --seconds 0.1 0.2 0.35 0.6
  --interval 2 3 5 7 10 14)
$bench intervals "$out"/others/* "$@" "${intervals[@]}" --json "$out/intervals.json"
$bench intervals "${many[@]}" "${intervals[@]}" --json "$out/intervals-chosen.json"
$bench vot "$@" "${nanotrack[@]}" --engine hold lk-flow nanotrack siammotion-n \
  --json "$out/vot.json"
$bench vot "$@" --engine lk-flow siamfc siammt siammt-w --fps none 25 \
  --json "$out/vot-siammt.json"
$bench scaling "$1" "${nanotrack[@]}" \
  --engine lk-flow nanotrack siammotion-n siammotion siamfc-mi siammt \
  --targets 1 10 20 50 100 --frames 3 --json "$out/scaling.json"
$bench overhead --json "$out/overhead.json"
# the tables of the merging are printed above: many sequences make no readable picture of quality
$bench report "$out"/{mot,rt,vot,vot-siammt,scaling,overhead,ceiling,rt-async,intervals}.json \
  $(ls "$out"/ablation.json 2>/dev/null) --output "$out"
