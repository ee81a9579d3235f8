#!/bin/sh
# Build images by name, in the order given: images/build.sh TAG NAME... ; ENGINE names docker, podman or buildah, else the first that is there.
set -eu
cd "$(dirname "$0")/.."
tag=$1
shift
for candidate in ${ENGINE:-docker podman buildah}; do
    if command -v "$candidate" >/dev/null 2>&1; then engine=$candidate; break; fi
done
if [ -z "${engine:-}" ]; then
    echo "building images needs docker, podman or buildah: install one of them, or name it in ENGINE" >&2
    exit 2
fi
for name; do
    case $name in
        base-python | airflow | minio) base= ;;
        base-spark | dashboard | samples) base=earshot-base-python ;;
        *) base=$(sed -n 's/^ARG BASE=\([a-z-]*\):.*/\1/p' "images/$name/Dockerfile") ;;
    esac
    echo "building earshot-$name:$tag"
    "$engine" build --file "images/$name/Dockerfile" --tag "earshot-$name:$tag" ${base:+--build-arg "BASE=$base:$tag"} .
done
