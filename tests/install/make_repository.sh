#!/usr/bin/env bash
# Commits what is needed of a source tree to a new repository: make_repository.sh SOURCE REPOSITORY CLONES
# What was built of an earlier one, in the folder CLONES, is removed: its history is another.
set -euo pipefail

rm -rf "$2" "$3"
mkdir -p "$2"
cp -r "$1"/{cmake,include,CMakeLists.txt,LICENSE} "$2"
cd "$2"
git init -q -b main
git add .
git -c user.name=test -c user.email=test@localhost commit -q -m 'As it is now'
