#!/bin/sh
# Writes a binary's man page or its completion for bash, made of what its --help says at both levels.
#
#   manual.sh man|completion BINARY
set -eu
kind=$1 binary=$2
name=$(basename "$binary")

# Turns a help into lines of a letter that says what it is, and its text:
#   C name|does   a subcommand, in the upper help    S name   what follows is of this subcommand
#   O option|argument                                T text of an option
#   U a call                                         L an example
#   P text                                           B a blank line
#   M a row of a table
#   E a line of the exit codes
parse() {
  awk -v level="$1" '
    level == "upper" && /^usage:/ { next }
    level == "upper" && /^  [a-z]/ { does = $0; sub(/^ *[a-z]+ +/, "", does); print "C " $1 "|" does; next }
    level == "upper" && /^Exit codes: / { exits = 1 }
    exits { print "E " $0; next }
    level != "upper" && NR == 1 {
      print "S " level
      sub(/^[^:]*: /, "")
      sub(/:$/, "")
      print "P " $0
      next
    }
    /^  --/ {
      # "  --option ARGUMENT (=default)  text": two blanks or the column end the argument.
      rest = $0
      sub(/^ *--[a-z-]+/, "", rest)
      argument = ""
      sub(/^ \[=[^]]*\]/, "", rest)  # a value that may be left out
      if (match(rest, /^ ([A-Z]|on\|off)[^ ]*/)) {
        argument = substr(rest, 2, RLENGTH - 1)
        rest = substr(rest, RLENGTH + 1)
      }
      print "O " substr($1, 3) "|" argument
      sub(/^ +/, "", rest)
      sub(/^\(=/, "(default ", rest)
      gsub(/  +/, " ", rest)
      if (rest != "") print "T " rest
      option = 1
      next
    }
    /^mixes, / { table = 1 }
    table && /^  / { print "M " substr($0, 3); next }
    option && /^   / { sub(/^ +/, ""); print "T " $0; next }
    { option = 0 }
    /^(options|example):$/ { example = /^example/; table = 0; next }
    /^  / { sub(/^ +/, ""); print (example ? "L " : "U ") $0; next }
    /^ *$/ { print "B"; next }
    { print "P " $0 }'
}

helps() {
  "$binary" --help | parse upper
  for command in $("$binary" --help | parse upper | sed -n 's/^C \([a-z]*\)|.*/\1/p'); do
    "$binary" "$command" --help | parse "$command"
  done
}

man_page() {
  helps | awk -v name="$name" -v version="$("$binary" --version)" -v date="$(date -r "$binary" +%Y-%m-%d)" '
    function escaped(text) {
      gsub(/\\/, "\\e", text)
      gsub(/-/, "\\-", text)
      gsub(/\047/, "\\(aq", text)
      gsub(/`/, "\\(ga", text)
      gsub(/~/, "\\(ti", text)
      gsub(/\^/, "\\(ha", text)
      sub(/^\./, "\\\\\\&.", text)
      sub(/ +$/, "", text)
      return text
    }
    # A paragraph begins where a blank line was, but not behind a heading.
    function paragraph() {
      if (blank && !heading) print ".PP"
      blank = heading = 0
    }
    # Calls and rows that follow each other stand together.
    function literal(text) {
      print (kind != "L" && last == kind ? "" : ".PP\n") ".RS 4\n.nf\n" escaped(text) "\n.fi\n.RE"
      blank = 1
      heading = 0
    }
    BEGIN {
      program = escaped(name)
      printf ".TH \"%s\" 1 \"%s\" \"%s\" \"Medley\"\n.nh\n", escaped(toupper(name)), date, escaped(version)
      print ".SH NAME\n" program " \\- train and use a convolutional network that has several losses"
      print ".SH SYNOPSIS\n.B " program "\n.I SUBCOMMAND\n[options]"
      print ".SH DESCRIPTION"
      heading = 1
    }
    { last = kind; kind = $1; text = substr($0, 3) }
    kind == "C" { split(text, part, "|"); print ".TP\n.B " part[1] "\n" escaped(part[2]); blank = 1; heading = 0; next }
    kind == "E" { exits = exits escaped(text) "\n"; next }
    kind == "S" { if (!begun++) print ".SH SUBCOMMANDS"; print ".SS " text; blank = 0; heading = 1; next }
    kind == "O" {
      split(text, part, "|")
      argument = substr(text, length(part[1]) + 2)
      if (argument == "") print ".TP\n.B \\-\\-" escaped(part[1])
      else printf ".TP\n.BI \"\\-\\-%s \" \"%s\"\n", escaped(part[1]), escaped(argument)
      heading = 0
      blank = 1
      next
    }
    kind == "T" { print escaped(text); next }
    kind == "U" || kind == "M" { literal(text); next }
    kind == "L" { print ".PP\nexample:"; literal(text); next }
    kind == "P" { paragraph(); print escaped(text); next }
    kind == "B" { blank = 1 }
    END { printf ".SH EXIT STATUS\n%s", exits }'
}

completion() {
  helps | awk -v name="$name" '
    # What bash is to offer for an argument: files, folders, or the words themselves.
    function offers(argument) {
      if (argument ~ /FILE|IMAGE/) return "_offer -f"
      if (argument ~ /^(DIR|RUN)/) return "_offer -d"
      if (argument ~ /^[a-z]+(\|[a-z]+)+$/) { gsub(/\|/, " ", argument); return "_offer -W \047" argument "\047" }
      return ""
    }
    # The first argument of a call that belongs to no option.
    function free_argument(call,    word, count, i) {
      count = split(call, word, " ")
      for (i = 3; i <= count && word[i] != "<"; i++)
        if (word[i] ~ /^[A-Z]/ && word[i - 1] !~ /^\[?--/) return word[i]
      return ""
    }
    { last = kind; kind = $1; text = substr($0, 3) }
    kind == "C" { split(text, part, "|"); commands = commands part[1] " " }
    kind == "S" { command = text }
    kind == "U" { argument = free_argument(text); if (argument != "") free[command] = offers(argument) }
    kind == "O" {
      option = text
      sub(/\|.*/, "", option)
      argument = substr(text, length(option) + 2)
      options[command] = options[command] "--" option " "
      if (argument != "")
        arguments[command] = arguments[command] "        --" option ") " offer(offers(argument)) " ;;\n"
    }
    function offer(what) { return what == "" ? "return" : identifier what "; return" }
    BEGIN { identifier = "_" name; gsub(/[^A-Za-z0-9_]/, "_", identifier) }
    END {
      print "# Completion of " name " for bash, made of its --help."
      print identifier "_offer() {"
      print "  local line"
      print "  [ \"$1\" = -W ] || compopt -o filenames 2> /dev/null"
      print "  while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen \"$@\" -- \"$current\")"
      print "}"
      print identifier "() {"
      print "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}"
      print "  COMPREPLY=()"
      print "  # Bash makes three words of --option=value."
      print "  if [ \"$current\" = = ]; then current="
      print "  elif [ \"$before\" = = ]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi"
      print "  if [ \"$COMP_CWORD\" = 1 ]; then"
      print "    " identifier "_offer -W \047" commands "--help --version\047"
      print "    return"
      print "  fi"
      print "  case ${COMP_WORDS[1]} in"
      count = split(commands, list, " ")
      for (i = 1; i <= count; i++) {
        command = list[i]
        print "    " command ")"
        printf "      case $before in\n%s      esac\n", arguments[command]
        if (free[command] != "")
          print "      case $current in -*) ;; *) " identifier free[command] " ;; esac"
        print "      " identifier "_offer -W \047" substr(options[command], 1, length(options[command]) - 1) "\047"
        print "      ;;"
      }
      print "  esac"
      print "}"
      print "complete -F " identifier " " name
    }'
}

case $kind in
  man) man_page ;;
  completion) completion ;;
  *)
    echo "usage: manual.sh man|completion BINARY" >&2
    exit 2
    ;;
esac
