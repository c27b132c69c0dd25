#!/usr/bin/env bash
# Detection on drawn scenes: seven methods, two seeds, 600/100/200 images, from whole scenes. Hours on a GPU, days on a
# laptop's processor; everything that is finished is kept, so that it can be stopped and started again.
#
#   benchmarks/detect_synth.sh FOLDER [bench detect options, such as --device 0]
set -eu
out=$1
shift
bench=${BENCH:-bench}
# About 12 frames a scene: 900 pairs and some more, from which whole scenes are taken.
[ -d "$out/data/M3FD_Detection" ] || "$bench" data synth --out "$out/data/M3FD_Detection" --pairs 912
splits=$out/data/M3FD_Detection/splits
# Scene numbers decide: of ten scenes in a row two are for testing, one for validation, the others for training.
awk -F, '!/^#/ && $2 % 10 > 2 {print $1}' "$splits/scenes.csv" > "$out/train.txt"
awk -F, '!/^#/ && $2 % 10 == 0 {print $1}' "$splits/scenes.csv" > "$out/val.txt"
awk -F, '!/^#/ && $2 % 10 > 0 && $2 % 10 < 3 {print $1}' "$splits/scenes.csv" > "$out/test.txt"
wc -l "$out/train.txt" "$out/val.txt" "$out/test.txt"
own=(--dataset m3fd --data-root "$out/data" --results "$out/results" --name drawn912 --scenes "$splits/scenes.csv"
  --train "$out/train.txt" --val "$out/val.txt" --test "$out/test.txt")
methods=ir,vis,average,laplacian,seafusion,mambadfuse,cddfuse
for protocol in "--protocol retrain" "--protocol frozen --train-on vis+ir"; do
  # shellcheck disable=SC2086
  "$bench" detect "${own[@]}" --methods "$methods" $protocol --seeds 0,1 --init yaml --epochs 200 --imgsz 320 "$@"
done
