#!/bin/bash
# Submits these jobs by hand, each after those that it waits for.
set -euo pipefail
cd /scratch/runs/slurm/cascade
submit() { sbatch --parsable "$@" | cut -d';' -f1; } # prints the number of the job
prepare_vggface2=$(submit prepare-vggface2.sh)
prepare_imdb=$(submit prepare-imdb.sh)
prepare_agedb=$(submit prepare-agedb.sh)
prepare_fgnet=$(submit prepare-fgnet.sh)
train_people=$(submit --dependency="afterok:${prepare_vggface2}" train-people.sh)
train_imdb=$(submit --dependency="afterok:${prepare_imdb}:${train_people}" train-imdb.sh)
train_agedb=$(submit --dependency="afterok:${prepare_agedb}:${train_imdb}" train-agedb.sh)
fold_vgg16_imdb_agedb=$(submit --dependency="afterok:${prepare_fgnet}:${train_agedb}:${prepare_vggface2}:${prepare_imdb}:${prepare_agedb}" fold-vgg16-imdb-agedb.sh)
submit --dependency="afterany:${fold_vgg16_imdb_agedb}" collect.sh
squeue --me
