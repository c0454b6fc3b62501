#!/usr/bin/env bash
# Builds the image $IMAGE for $ACCELERATOR (cpu or cuda) from the tree that this file stands in.
#   AUTOML=no          without auto-sklearn and its Python 3.9
#   PIP_CONF=FILE      pip's settings while packages are fetched (of a site with an index of its own); they do not stay
#   CERTIFICATES=FILE  a bundle of certificates for that, cert = /run/secrets/certificates in PIP_CONF; it does not stay
#   BUILD_OPTIONS      more words for the engine's `build`
set -euo pipefail
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
accelerator=${ACCELERATOR:?cpu or cuda}
image=${IMAGE:-agerepro:$accelerator}
# Inside an image there is no repository: the revision is told.
revision=$(git describe --always --dirty --abbrev=12 2>/dev/null || true)

# Podman 4.3 finds a stage by the name FROM ...-${AUTOML} only where the argument is given.
options=(--file docker/Dockerfile --tag "$image")
options+=(--build-arg "ACCELERATOR=$accelerator" --build-arg "AUTOML=${AUTOML:-yes}" --build-arg "REVISION=$revision")
if [ -n "${PIP_CONF:-}" ]; then options+=(--secret "id=pipconf,src=$PIP_CONF"); fi
if [ -n "${CERTIFICATES:-}" ]; then options+=(--secret "id=certificates,src=$CERTIFICATES"); fi
read -ra more <<<"${BUILD_OPTIONS:-}"
export DOCKER_BUILDKIT=1 # secrets need it; engines from before 2023 ask for it
started=$SECONDS
"$docker" build "${options[@]}" "${more[@]}" .
echo "Built $image (${revision:-of unknown revision}) in $((SECONDS - started)) s. Next: make docker-cascade-fgnet" >&2
