#!/usr/bin/env bash
# Stand-ins for the two images that the Dockerfile is built on, where no registry of images is reached, under the names that the Dockerfile
# gives them: Debian with its own Python 3.11, and the same with a Python 3.9 of this machine in /usr/local (PYTHON39=/path/to/python3.9, else
# one on the path or pyenv's). Where there is no Python 3.9, the second is not made. What is there already is left as it is.
# `make-base.sh DOCKERFILE CACHE.tar`; the tree of files of the first is kept in CACHE.tar.
set -euo pipefail
dockerfile=${1:?the Dockerfile} tree=${2:?where the tree of files is kept, a .tar}
name=$(sed -n 's/^ARG PYTHON=//p' "$dockerfile")
name_automl=$(sed -n 's/^ARG PYTHON_AUTOML=//p' "$dockerfile")

if ! podman image exists "$name"; then
  if [ ! -s "$tree" ]; then
    mkdir -p "$(dirname "$tree")"
    # python3 and python where the real image has them; pip may install for the system, as there.
    # shellcheck disable=SC2016  # mmdebstrap gives the hooks the tree as $1
    mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip \
      --customize-hook='ln -s /usr/bin/python3.11 "$1/usr/local/bin/python"; ln -s /usr/bin/python3.11 "$1/usr/local/bin/python3"' \
      --customize-hook='rm -f "$1/usr/lib/python3.11/EXTERNALLY-MANAGED" "$1/etc/resolv.conf" "$1/etc/hostname"' \
      bookworm "$tree.part"
    mv "$tree.part" "$tree"
  fi
  podman import --quiet --change 'CMD ["python3"]' --change 'ENV LANG=C.UTF-8' \
    --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' "$tree" "$name" >/dev/null
fi

if ! podman image exists "$name_automl"; then
  prefix=
  for candidate in ${PYTHON39:-} python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9.*/bin/python3.9; do
    prefix=$("$candidate" -c 'import sys, venv, ensurepip; print(sys.base_prefix) if sys.version_info[:2] == (3, 9) else sys.exit(1)' 2>/dev/null) && break
  done
  if [ -z "$prefix" ]; then
    echo "No Python 3.9 is found here, so there is no stand-in for $name_automl. Name one: PYTHON39=/path/to/python3.9" >&2
    exit 0
  fi
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  # Without what the real image leaves out.
  (cd "$prefix" && tar --exclude=__pycache__ --exclude=test --exclude=tests --exclude='*.a' --exclude='site-packages/*' \
    -cf "$context/python.tar" bin/python3.9 lib/*python3.9*)
  printf '%s\n' "FROM $name" 'ADD python.tar /usr/local' \
    'RUN ldconfig && ln -sf python3.9 /usr/local/bin/python3 && ln -sf python3.9 /usr/local/bin/python' >"$context/Dockerfile"
  podman build --quiet --format docker --pull=never --network none --tag "$name_automl" "$context" >/dev/null
fi
