#!/usr/bin/env bash
# Makes $VENV from requirements/$ACCELERATOR.txt (cpu or cuda): with uv if it is there, else with pip. Each has an environment of its
# own, and one that is in use is brought up to date in place, never removed: other processes may be running from it.
set -euo pipefail
accelerator=${ACCELERATOR:?cpu or cuda}
venv=${VENV:?the folder of the environment}
lock=requirements/$accelerator.txt
ready=$venv/.ready
state=$(cat "$lock" setup.py | sha256sum | cut -d' ' -f1)

if [ -x "$venv/bin/python" ] && [ "$(cat "$ready" 2>/dev/null)" = "$state" ]; then
  touch "$ready"
  exit 0
fi

python=
for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
  if command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "agerepro needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found. Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
  exit 2
fi

started=$SECONDS
packages=$(grep -c '^[a-z]' "$lock")
echo "Setting up $venv ($accelerator, $("$python" --version), $packages packages from $lock); this takes two minutes or so." >&2
progress() { # the packages' names as they come, a line now and then
  awk -v started="$started" -v all="$packages" '
    /^(Collecting|Requirement already)/ { n++; if (n % 20 == 0) { printf "  %d of %d packages looked up\n", n, all; fflush() } }
    /^ *Downloading/ && /MB\)/ { print "  " $1 " " $2 " " $3 " " $4; fflush() }
    /^Installing collected/ { print "  all are here; installing"; fflush() }' >&2
}
if command -v uv >/dev/null 2>&1; then
  [ -x "$venv/bin/python" ] || uv venv --quiet --python "$python" "$venv"
  uv pip install --python "$venv/bin/python" --require-hashes -r "$lock"
  uv pip install --quiet --python "$venv/bin/python" --no-deps -e .
else
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$lock" 2>&1 | tee "$venv/setup.log" | progress ||
    { grep -v '^WARNING: Location' "$venv/setup.log" | tail -n 20 >&2; echo "Setting up failed; the whole log: $venv/setup.log" >&2; exit 1; }
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
echo "$state" > "$ready"
echo "Ready after $((SECONDS - started)) s." >&2
