#!/usr/bin/env bash
# Detection on drawn scenes: seven methods, two seeds, both protocols; the experiment of docs/detection.md. A detector is
# first trained on other drawn scenes, half visible and half infrared, and every training begins with it. Everything that
# is finished is kept, so that it can be stopped and started again. INIT=yaml begins with random weights instead, which
# favours no kind of image and takes many more EPOCHS.
#
#   studies/detect_synth.sh FOLDER [bench detect options, such as --weights-root WEIGHTS or --device 0]
#
# The tables of docs/detection.md are of images as the methods' authors save them; OUTPUT=raw makes them alike.
#
# The sizes below take some hours of one processor thread; other sizes need another FOLDER. With a GPU:
#   PAIRS=912 FIRST=480 SIZE=640x480 IMGSZ=640 FIRST_EPOCHS=100 EPOCHS=60 studies/detect_synth.sh FOLDER --device 0
set -eu
out=$1
shift
bench=${BENCH:-bench}
pairs=${PAIRS:-420} first=${FIRST:-240} size=${SIZE:-320x240} imgsz=${IMGSZ:-256}
first_epochs=${FIRST_EPOCHS:-40} epochs=${EPOCHS:-8} seeds=${SEEDS:-0,1}
output=${OUTPUT:-native}
methods=ir,vis,average,laplacian,seafusion,mambadfuse,cddfuse

# ids NAME LAST-DIGITS: the pairs of the scenes whose number ends in one of the digits.
ids() { awk -F, -v ends="$2" '!/^#/ && index(ends, $2 % 10) {print $1}' "$out/$1/M3FD_Detection/splits/scenes.csv"; }

# detect NAME more: on the pairs drawn as NAME, divided by the lists of that name.
detect() {
  local name=$1
  shift
  "$bench" detect --dataset m3fd --data-root "$out/$name" --results "$out/results-$name" --name "$name" \
    --scenes "$out/$name/M3FD_Detection/splits/scenes.csv" --train "$out/$name-train.txt" --val "$out/$name-val.txt" \
    --test "$out/$name-test.txt" --imgsz "$imgsz" --batch 8 --argument nbs=8 --argument mosaic=0 --only "$@"
}

[ -d "$out/main" ] || "$bench" data synth --out "$out/main/M3FD_Detection" --pairs "$pairs" --size "$size" --seed 0
ids main 346789 > "$out/main-train.txt"
ids main 0 > "$out/main-val.txt"
ids main 125 > "$out/main-test.txt"

start=${INIT:-}
if [ -z "$start" ]; then
  [ -d "$out/first" ] || "$bench" data synth --out "$out/first/M3FD_Detection" --pairs "$first" --size "$size" --seed 1
  ids first 23456789 > "$out/first-train.txt"
  ids first 0 > "$out/first-val.txt"
  ids first 1 > "$out/first-test.txt"
  detect first --methods ir,vis --protocol frozen --train-on vis+ir --init yaml --epochs "$first_epochs" "$@"
  start=$(echo "$out"/results-first/detect/m3fd@first/*/vis+ir/seed0/train/weights/best.pt)
fi
detect main --methods "$methods" --output "$output" --init "$start" --epochs "$epochs" --seeds "$seeds" "$@"
detect main --methods "$methods" --output "$output" --protocol frozen --train-on vis+ir --init "$start" \
  --epochs "$epochs" --seeds "$seeds" "$@"
