#!/bin/bash
# The comparison of language models and models over codes in one session of a GPU: bash gpu.sh NLSY97 NLSY79 FOLDER
# Both panels are imported with the states in_education and not_working. Every command resumes, or finds its work done,
# so the script is given again after an interruption. SMALL=1 goes through all of it with few careers, on a CPU.
set -eu
own=$1 other=$2 out=$3
: "${BASE:=smollm2-135m}" "${SECOND_BASE:=google/gemma-3-270m}" "${SMALL:=}"
all="--method full --learning-rate 6e-4 --batch-size 16 --epochs 2 --average 0.1 --weight-decay 0.01 --decay-to initial"
some="" scored=""
if [ -n "$SMALL" ]; then
    all="--epochs 1 --validate-every 8 --valid-careers 4" some="--careers 16" scored="--workers 4"
fi
mkdir -p "$out"
pool=$out/pool.parquet
[ -e "$pool" ] || laborllm mix "$own" --add "$other" --out "$pool"

tune() { # NAME BASE OPTIONS...: a language model on the pool
    laborllm fit language-model "$pool" --out "$out/$1" --base "$2" $all $some "${@:3}"
}
tune text-0 "$BASE" --seed 0
tune text-1 "$BASE" --seed 1
tune text-codes "$BASE" --titles numeric
tune text-bare "$BASE" --leave-out demographics
tune text-own "$BASE" --title-tokens own
tune text-second "$SECOND_BASE"

for model in nemo career; do laborllm fit $model "$pool" --out "$out/$model"; done
laborllm fit mixture "$out/nemo" "$out/career" "$pool" --out "$out/codes"
members=$(printf "$out/%s " text-0 text-1 text-codes text-bare nemo career)
laborllm fit mixture $members "$pool" --out "$out/mixture"

# One small model, and a head over titles, that learn from the mixture of codes; out of fold, so that nothing sees its target
teacher=$out/codes-folds.parquet
[ -e "$teacher" ] || laborllm out-of-fold "$out/codes" "$pool" --out "$teacher"
laborllm fit nemo "$pool" --teacher "$teacher" --out "$out/distilled"
laborllm fit title-head "$pool" --base "$BASE" --offset-model "$out/codes" --offset-forecasts "$teacher" $some \
    --out "$out/head"

laborllm evaluate $members "$out"/{text-own,text-second,codes,mixture,distilled,head} "$own" --likelihood-only \
    --cluster household --reference codes $scored --tables "$out/tables"
