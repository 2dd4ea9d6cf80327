#!/bin/sh
# Compiles the functions of layers that an engine's object asks for (network/site.hpp), and prints the
# objects that have them. What one experiment's build has compiled serves all others.
#
#   layers.sh ENGINE_OBJECT EXPERIMENT_HEADER FOLDER COMPILER FLAG...     with NM and CXXFILT
#
# FOLDER/<key>/index has a line for each function: its symbol, and the object that has it. The key is made
# of all that the code depends on: the headers below, the compiler and its flags. Layers that an experiment
# defines itself have its header in their key.
set -eu
engine=$1 header=$2 folder=$3
shift 3
rooms='base kernels layers network'
headers=$(for room in $rooms; do ls include/medley/$room/*.hpp; done)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${NM:-nm}" -u "$engine" | awk '$2 ~ /layer_(forward|backward|prepack)/ { print $2 }' | sort > "$work/needed"

# Functions whose types are all of these rooms, and the others.
sed -nE 's/^ *(template <.*> *)?(struct|class|enum class|using) ([A-Za-z_]+).*/\3/p' $headers | sort -u > "$work/types"
"${CXXFILT:-c++filt}" < "$work/needed" | paste "$work/needed" - | awk -v types="$work/types" -v work="$work" '
  BEGIN { while ((getline type < types) > 0) known["medley::" type] = 1 }
  { shared = !/anonymous/
    rest = $0
    while (match(rest, /[A-Za-z_][A-Za-z_0-9]*(::[A-Za-z_][A-Za-z_0-9]*)+/)) {
      name = substr(rest, RSTART, RLENGTH)
      if (!(name in known) && name !~ /^medley::layer_(forward|backward|prepack)$/) shared = 0
      rest = substr(rest, RSTART + RLENGTH)
    }
    print > (work (shared ? "/shared" : "/own")) }'

# provide LIST KEY_FILE... < includes: compiles what is missing of a list of symbols and declarations.
provide() {
  list=$1
  shift
  cat > "$work/includes"
  store=$folder/$({ cat $headers "$@"; "$compiler" --version; echo "$flags"; } | sha256sum | cut -c1-16)
  mkdir -p "$store"
  (
    flock 9
    touch "$store/index"
    awk 'FILENAME == ARGV[1] { done[$1] = 1; next } !($1 in done)' "$store/index" "$list" > "$work/missing"
    if [ -s "$work/missing" ]; then
      name=$(sha256sum < "$work/missing" | cut -c1-16)
      { cat "$work/includes"; cut -f2- "$work/missing" | sed 's/.*/template &;/'; } > "$store/$name.cpp"
      "$compiler" $flags -c "$store/$name.cpp" -o "$work/object" >&2
      mv "$work/object" "$store/$name.o"
      awk -v object="$store/$name.o" '{ print $1, object }' "$work/missing" >> "$store/index"
    fi
    awk 'FILENAME == ARGV[1] { wanted[$1] = 1; next } $1 in wanted { print $2 }' "$list" "$store/index" | sort -u
  ) 9> "$store/lock"
}
compiler=$1
shift
flags=$*
includes() {
  for file in include/medley/layers/*.hpp include/medley/network/site_functions.hpp; do
    echo "#include \"${file#include/}\""
  done
}
if [ -s "$work/shared" ]; then includes | provide "$work/shared"; fi
if [ -s "$work/own" ]; then
  { echo "#include \"$header\""; includes; } | provide "$work/own" "$header"
fi
