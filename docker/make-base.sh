#!/usr/bin/env bash
# A stand-in for the image that the Dockerfile is built on, where no registry of images is reached: Debian's own Python 3.11 under the name
# that the Dockerfile names. `make-base.sh DOCKERFILE CACHE.tar`; the tree of files is kept in CACHE.tar.
set -euo pipefail
dockerfile=${1:?the Dockerfile} tree=${2:?where the tree of files is kept, a .tar}
name=$(sed -n 's/^ARG PYTHON=//p' "$dockerfile")

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
