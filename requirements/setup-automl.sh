#!/usr/bin/env bash
# Makes $VENV_AUTOML from requirements/automl.txt, with uv if it is there, else with pip: auto-sklearn runs on Python 3.9 and nothing newer.
# One that is in use is brought up to date in place.
set -euo pipefail
venv=${VENV_AUTOML:?the folder of the environment}
lock=requirements/automl.txt
ready=$venv/.ready
state=$(sha256sum < "$lock" | cut -d' ' -f1)

if [ -x "$venv/bin/python" ] && [ "$(cat "$ready" 2>/dev/null)" = "$state" ]; then
  touch "$ready"
  exit 0
fi

# The `python3.9` that pyenv puts on the path runs only where that version is switched on: the versions themselves are asked as well.
python=
for candidate in ${PYTHON39:-} python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9.*/bin/python3.9 python3 python; do
  if command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 9))' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "auto-sklearn needs Python 3.9 with its venv module, and none was found. Install one (pyenv install 3.9; uv python install 3.9;" \
    "conda create -n py39 python=3.9), or name it: make setup-automl PYTHON39=/path/to/python3.9. The other engines need none: --engine flaml" >&2
  exit 2
fi

started=$SECONDS
echo "Setting up $venv ($("$python" --version), $(grep -c '^[a-z]' "$lock") packages from $lock); this takes two minutes or so." >&2
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
builders=$(mktemp)
trap 'rm -f "$builders"' EXIT
awk '/^[a-z]/ { on = /^(packaging|setuptools|wheel)==/ } on' "$lock" > "$builders"
# Four packages come as source archives of Python alone: without build isolation they are built with the locked packages, not with the newest.
if command -v uv >/dev/null 2>&1; then
  uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$builders"
  uv pip install --quiet --python "$venv/bin/python" --require-hashes --no-build-isolation -r "$lock"
else
  install=("$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes)
  { "${install[@]}" -r "$builders" && "${install[@]}" --no-build-isolation -r "$lock"; } > "$venv/setup.log" 2>&1 ||
    { grep -v '^WARNING: Location' "$venv/setup.log" | tail -n 20 >&2; echo "Setting up failed; the whole log: $venv/setup.log" >&2; exit 1; }
fi
echo "$state" > "$ready"
echo "Ready after $((SECONDS - started)) s." >&2
