#!/usr/bin/env bash
# Measures every result of the documents into JSON files, and fills the documents with them.
#
#   benchmarks/measure.sh OUT NANOTRACK SEQ...
#
# OUT takes the files. NANOTRACK is the folder of NanoTrack's model files, for the engine nanotrack
# and for opencv-nano. SEQ are PETS09-S2L1 and TUD-Campus, with det.txt and gt.txt. Further folders,
# separated by blanks: MVOT_CROWDS (TownCentre_0000, TownCentre_0250 and ETH-Sunnyday, in this
# order), MVOT_SINGLES (sequences of one object), MVOT_VIDEOS (further videos for streams). What
# needs one that is not set is left out; the documents are filled only if nothing that they show is
# missing. Rows that OUT has already are not measured again. Times need a machine that is otherwise
# idle. All of it takes many hours. MVOT_BENCH is the command (default: mvot-bench).
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(dirname "$0")/..
out=$1 nanotrack=(--nanotrack "$2")
shift 2
read -r -a crowds <<< "${MVOT_CROWDS:-}"
read -r -a singles <<< "${MVOT_SINGLES:-}"
read -r -a videos <<< "${MVOT_VIDEOS:-}"
bench=${MVOT_BENCH:-mvot-bench}
mkdir -p "$out"

measure() { # NAME COMMAND [ARGUMENT...]
  local name=$1
  shift
  $bench "$@" --json "$out/$name.json"
}

others=$out/others
[ -d "$others" ] || $bench streets "$others" --first 201
held_out=("$@" "$others"/street-*)
networks=(siammotion-n siammt siammot-emm siammot-imm imsiam siamattn)

# Time: alone on the machine.
measure scaling scaling "$1" "${nanotrack[@]}" \
  --engine lk-flow nanotrack "${networks[@]}" siammotion siamfc-mi \
  --targets 1 10 20 50 100 --frames 5
measure overhead overhead
measure rt rt "$@" "${nanotrack[@]}" --engine hold lk-flow nanotrack siammotion-n \
  --fps 25 --detector-ms 60
if [ ${#crowds[@]} -ge 3 ]; then
  measure rt-engines rt "${crowds[1]}" "${@:2:1}" "$others"/street-20{1,3} \
    --engine lk-flow siammotion-n --fps 25 --detector-ms 60 --detect-every 5 --async
  measure rt-async rt "$@" "${crowds[@]:0:2}" --engine lk-flow --fps 25 --async \
    --detector-ms 60 120 300 30 600 --detect-every 1 5 10 20
  measure streams streams "$1" "${crowds[0]}" "${crowds[2]}" "${videos[@]}"
fi

# Quality: the held-out sequences.
measure quality mot "${held_out[@]}" "${nanotrack[@]}" \
  --engine hold kalman lk-flow nanotrack siammotion-n --detect-every 1 5 10 20
measure peers peers "${held_out[@]}" --engine lk-flow siammotion-n --detect-every 1 5 10 20
measure merging-runs mot "${held_out[@]}" --engine lk-flow --detect-every 1 5 10 20 --runs 3
measure merging-parts mot "${held_out[@]}" --engine lk-flow --detect-every 1 5 10 --without all
measure ceiling ceiling "$@" "$others"/street-2{01,03,05,07,09,11} --engine lk-flow \
  --detect-every 1 5 10
measure intervals intervals "${held_out[@]}" --engine lk-flow \
  --detect-every 2 3 5 7 10 14 20 --seconds 0.1 0.2 0.35 0.6 --interval 2 3 5 7 10 14

# Motion alone.
measure vot vot "${held_out[@]}" "${nanotrack[@]}" --engine hold lk-flow nanotrack siammotion-n
if [ ${#singles[@]} -ge 1 ]; then
  measure vot-singles vot "${singles[@]}" "${nanotrack[@]}" \
    --engine lk-flow nanotrack siammotion-n
fi
measure vot-siammt vot "$@" --engine lk-flow siamfc siammt siammt-w --fps none 25

# The systems of the papers.
measure systems-vot vot "$@" "${nanotrack[@]}" --engine lk-flow nanotrack "${networks[@]}"
measure systems-mot mot "$@" "${nanotrack[@]}" --engine lk-flow nanotrack "${networks[@]}" \
  --detect-every 5 10
measure systems-siamattn ablation "$@" --engine siamattn
if [ ${#crowds[@]} -ge 3 ]; then
  measure systems-solvers mot "$@" "${crowds[1]}" "$others"/street-20{1,2,3} \
    --engine lk-flow siammot-emm siammot-imm --solver affinity siammot --detect-every 1 5 10
  measure ablation ablation "$@" "${crowds[1]}"
  measure joining joining "$1" "${crowds[2]}" "${@:2:1}" --seconds 600
fi

# Hours without growth.
measure soak soak "${nanotrack[@]}"

$bench report --documents "$root/README.md" "$root/docs" --results "$out"
