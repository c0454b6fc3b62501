#!/usr/bin/env bash
# Makes .venv from requirements/$DEVICE.txt (cpu or cuda): with uv if it is there, else with pip.
set -euo pipefail
device=${DEVICE:?cpu or cuda}
lock=requirements/$device.txt
ready=.venv/.ready-$device
state=$(cat "$lock" setup.py | sha256sum | cut -d' ' -f1)

if [ -x .venv/bin/python ] && [ "$(cat "$ready" 2>/dev/null)" = "$state" ]; then
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

echo "Setting up .venv ($device, $("$python" --version)); this takes a minute or two." >&2
rm -rf .venv
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --python "$python" .venv
  uv pip install --quiet --python .venv/bin/python --require-hashes -r "$lock"
  uv pip install --quiet --python .venv/bin/python --no-deps -e .
else
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
echo "$state" > "$ready"
