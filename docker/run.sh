#!/usr/bin/env bash
# Runs a command in the image, as the caller and with a read-only root: `docker/run.sh make cascade-fgnet`, `docker/run.sh agerepro doctor`.
# The folders $RUNS (made where it is missing), $DATA and $WEIGHTS are its /runs, /data and /weights. $DATA is mounted read-only.
#   ACCELERATOR, IMAGE  as docker/build.sh takes them
#   GPUS                which GPUs an image for CUDA gets (all); empty: none
#   NETWORK             none, bridge, ...; by default there is one only with DATA and no weight file in WEIGHTS: that is fetched
#   CONTAINER_USER      uid:gid in place of the caller's
#   RUN_OPTIONS         more words for the engine's `run`, for instance --cpus=8 or --userns=keep-id
set -euo pipefail
docker=${DOCKER:-docker}
accelerator=${ACCELERATOR:?cpu or cuda}
image=${IMAGE:-agerepro:$accelerator}
gpus=${GPUS-all}
runs=${RUNS:-runs}
# Without WEIGHTS: where they lie for an environment outside an image.
weights=${WEIGHTS:-$HOME/.keras/models/vggface}
network=${NETWORK:-none}

options=(--rm --user "${CONTAINER_USER:-$(id -u):$(id -g)}" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges)
mkdir -p "$runs"
options+=(--volume "$(realpath "$runs"):/runs")
if [ -n "${DATA:-}" ]; then
  if [ ! -d "$DATA" ]; then
    echo "DATA=$DATA is no folder. Name the one that holds the data sets, one folder each (docs/datasets.md)." >&2
    exit 2
  fi
  mkdir -p "$weights"
  options+=(--volume "$(realpath "$DATA"):/data:ro" --volume "$(realpath "$weights"):/weights" --env DATA=/data)
  if [ -z "${NETWORK:-}" ] && ! compgen -G "$weights/*.h5" >/dev/null; then network=bridge; fi
fi
options+=(--network "$network" --env AGEREPRO_REQUIRE_GPU --env CUDA_VISIBLE_DEVICES)
if [ "$accelerator" = cuda ] && [ -n "$gpus" ]; then options+=(--gpus "$gpus"); fi
if [ -t 0 ] && [ -t 1 ]; then options+=(--interactive --tty); fi
read -ra more <<<"${RUN_OPTIONS:-}"
printf '+%s\n' "$(printf ' %q' "$docker" run "${options[@]}" "${more[@]}" "$image" "$@")" >&2
exec "$docker" run "${options[@]}" "${more[@]}" "$image" "$@"
