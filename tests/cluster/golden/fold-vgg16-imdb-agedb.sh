#!/bin/bash
# Train and test up to 4 folds of vgg16-imdb-agedb in each task.
#SBATCH --job-name=fold-vgg16-imdb-agedb
#SBATCH --output="/scratch/runs/slurm/cascade/%x-%a.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --time=2:00:00
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --partition=gpu
#SBATCH --account=faces
#SBATCH --array=0-20%20
#SBATCH --gres=gpu:1
#SBATCH --qos=long
#SBATCH --constraint=a100

# Slurm sends USR1 before the time limit, and TERM before a preemption, a requeue or a cancellation.
signal='' signals=0 child='' asked='' requeued='' code=0

# This job as Slurm names it: in an array SLURM_JOB_ID alone may mean all tasks.
id=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
log="/scratch/runs/slurm/cascade/%x-%a.log"
timeouts=${log%/*}/$id.timeouts # how often the time limit has come

# A requeue sends TERM to all that runs in the job, scontrol too: from here on it is ignored.
requeue() {
  trap '' TERM USR1
  local pause
  for pause in 2 5 10 0; do
    if scontrol requeue "$id"; then requeued=yes && return; fi
    sleep "$pause"
  done
  echo "$id could not be requeued. Submit again: what is saved is continued." >&2
}

# Requeues the job where Slurm leaves that to it: after a preemption always, for a time limit 10 times. Does nothing after scancel,
# and where Slurm requeues by itself.
come_back() {
  local count=0
  case $signal:$(scontrol show job "$id" 2>/dev/null) in
    *PreemptTime=[0-9]*) requeue ;;
    USR1:* | *Reason=TimeLimit*)
      if [ -s "$timeouts" ]; then read -r count <"$timeouts"; fi
      if [ "$count" -lt 10 ]; then
        echo $((count + 1)) >"$timeouts"
        requeue
      else
        echo "$id reached its time limit $((count + 1)) times. Allow more time, or submit again: what is saved is continued." >&2
      fi
      ;;
  esac
}

# Asks the command, once and by USR1, to save and to end with code 75. Not by TERM: Slurm may have sent it TERM too, and a second one
# would end it at once. A command that has only just started could lose the signal: hence the second's wait.
pass_on() {
  if [ -z "$child" ] || [ -n "$asked" ]; then return; fi
  asked=yes
  sleep 1
  kill -USR1 "$child" 2>/dev/null
}

trap 'signal=${signal:-USR1} signals=$((signals + 1)); pass_on' USR1
trap 'signal=TERM signals=$((signals + 1)); pass_on; come_back' TERM

# Runs a command. The job's code is that of the first that fails, or 75 for asked to stop: nothing is started after that.
run() {
  if [ -n "$signal" ]; then code=75; fi
  if [ "$code" = 75 ]; then return; fi
  local before result
  "$@" &
  child=$!
  if [ -n "$signal" ]; then pass_on; fi
  # A signal ends `wait` and not the command: wait again, until it is gone.
  while
    before=$signals
    wait "$child"
    result=$?
    [ "$signals" != "$before" ] || kill -0 "$child" 2>/dev/null
  do :; done
  child=''
  # Ended by a signal that has not reached this shell yet?
  if [ "$result" -gt 128 ] && [ -z "$signal" ]; then sleep 1; fi
  # Ended by the signal itself, too early to save: it is continued where it had saved before. Where that happens while a trap runs, bash
  # gives -1 for the code.
  if [ -n "$signal" ] && { [ "$result" -lt 0 ] || [ "$result" -gt 2 ]; }; then result=75; fi
  if [ "$code" = 0 ] || [ "$result" = 75 ]; then code=$result; fi
}

cd '/home/somebody'"'"'s work' || exit 2
module load apptainer/1.3
export KERAS_HOME='/weights of all/keras'
ulimit -n 4096
tasks=("0-3" "4-7" "8-11" "12-15" "16-19" "20-23" "24-27" "28-31" "32-35" "36-39" "40-43" "44-47" "48-51" "52-55" "56-59" "60-63" "64-67" "68-71" "72-75" "76-79" "80-81")
folds=${tasks[$SLURM_ARRAY_TASK_ID]}
echo "$(date '+%F %T') fold-vgg16-imdb-agedb $id on $(hostname), restarts: ${SLURM_RESTART_COUNT:-0}, task: $folds"
run apptainer exec --nv agerepro.sif agerepro step experiments/koenig2019/vgg16-imdb-agedb.yaml fold "$folds" --profile demo --runs /scratch/runs --data /datasets

if [ "$code:$signal" = 75:USR1 ]; then come_back; fi
if [ -z "$requeued" ]; then rm -f "$timeouts"; fi
echo "$(date '+%F %T') fold-vgg16-imdb-agedb $id: code $code${requeued:+, requeued}"
exit "$code"
