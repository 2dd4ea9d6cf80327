"""make install: what it leaves runs, its man page and its completion say what --help says."""

import fcntl
import os
import re
import shutil
import subprocess

from harness import ROOT, Skipped, require

EXPERIMENT = "lenet"
BINARY = f"medley-{EXPERIMENT}"
FILES = {f"bin/{BINARY}": 0o755, f"share/man/man1/{BINARY}.1": 0o644,
         f"share/bash-completion/completions/{BINARY}": 0o644}
# Prints what bash offers for the last of these words.
ASK = """
source "$1"; shift
[[ $(complete -p -- "${1##*/}") =~ -F\\ ([^ ]+) ]] || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
${BASH_REMATCH[1]} && printf '%s\\n' "${COMPREPLY[@]}"
"""


def _make(bench, target, destination, prefix):
    """Runs a target on the binary as it is, for the build that it belongs to."""
    binaries = (bench.binaries / BINARY).resolve().parent
    found = re.search(r"/build/([^/]+)(-O\w)/([\w-]+)$", str(binaries))
    if not found or binaries != ROOT / "build" / f"{found[1]}{found[2]}" / found[3]:
        raise Skipped("the binaries are not where the Makefile puts them")
    binary = f"build/{found[1]}{found[2]}/{found[3]}/{BINARY}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-o", binary, target, f"CXX={found[1]}", f"OPT={found[2]}",
               f"ISAS={found[3].replace('-', ' ')}", f"EXPERIMENT={EXPERIMENT}", f"DESTDIR={destination}",
               f"PREFIX={prefix}"]
    with open(bench.binaries / BINARY, "rb") as lock:  # workers make the same files in the build folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"make {target}: {done.stderr[-500:]}")


def _installed(bench):
    """The folder of PREFIX in a DESTDIR with a blank in its name."""
    destination = bench.once("install me", lambda folder: _make(bench, "install", folder, "/opt/medley"))
    return destination / "opt/medley"


def _help(binary, *arguments):
    return subprocess.run([binary, *arguments, "--help"], capture_output=True, text=True, check=True).stdout


def _options(binary):
    """Each subcommand with its options, as --help tells them."""
    names = re.findall(r"^  ([a-z]+) {2,}\S", _help(binary), re.MULTILINE)
    require(names, "--help lists no subcommands")
    return {name: re.findall(r"^  (--[a-z][a-z-]*)", _help(binary, name), re.MULTILINE) for name in names}


def _words(text):
    return set(re.findall(r"[A-Za-z0-9]+", text))


def make_install_puts_files_where_a_system_expects_them(bench):
    folder = _installed(bench)
    found = {str(path.relative_to(folder)): path.stat().st_mode & 0o777
             for path in folder.rglob("*") if path.is_file()}
    require(found == FILES, f"installed: {found}")
    done = subprocess.run([folder / "bin" / BINARY, "info"], capture_output=True, text=True, check=False)
    require(done.returncode == 0 and EXPERIMENT in done.stdout, f"the installed binary: {done.stderr}")
    other = bench.folder("uninstall")
    _make(bench, "install", other, "/usr")
    kept = other / "usr/bin/another"
    kept.write_text("")
    _make(bench, "uninstall", other, "/usr")
    require([path for path in other.rglob("*") if path.is_file()] == [kept], "uninstall: not all, or too much")
    return f"{len(FILES)} files; removed again"


def the_man_page_has_all_of_the_help(bench):
    folder = _installed(bench)
    page = folder / f"share/man/man1/{BINARY}.1"
    source = page.read_text(encoding="utf-8")
    options = _options(folder / "bin" / BINARY)
    sections = dict(re.findall(r"^\.SS (\w+)\n(.*?)(?=^\.S[SH] |\Z)", source, re.MULTILINE | re.DOTALL))
    require(list(sections) == list(options), f"sections of the man page: {list(sections)}")
    for name, there in options.items():
        told = re.findall(r'^\.BI? "?(\\-\\-[a-z\\-]*)', sections[name], re.MULTILINE)
        require([option.replace("\\", "") for option in told] == there, f"{name}: the man page has {told}")
    checkers = (["groff", "-man", "-Tutf8", "-wall"], ["mandoc", "-Tlint", "-W", "warning"],
                ["man", "--warnings", "-l"])
    tried = [checker for checker in checkers if shutil.which(checker[0])]
    for checker in tried:
        done = subprocess.run([*checker, page], capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
        complaints = done.stderr + (done.stdout if checker[0] == "mandoc" else "")
        require(done.returncode == 0 and not complaints, f"{checker[0]}: {complaints[:300]}")
    if shutil.which("groff"):
        shown = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", page], capture_output=True, text=True,
                               check=True).stdout
        for arguments in ((), *((name,) for name in options)):
            lost = _words(_help(folder / "bin" / BINARY, *arguments)) - _words(shown)
            require(not lost, f"the man page as read has not: {', '.join(sorted(lost))}")
    return f"{sum(map(len, options.values()))} options; read by {', '.join(c[0] for c in tried) or 'nothing'}"


def bash_completes_subcommands_options_and_files(bench):
    folder = _installed(bench)
    if not shutil.which("bash"):
        raise Skipped("bash is not installed")
    place = bench.folder("complete")
    (place / "two words").mkdir()
    (place / "twelve.csv").write_text("")

    def offered(*words):
        script = folder / f"share/bash-completion/completions/{BINARY}"
        done = subprocess.run(["bash", "-c", ASK, "bash", script, *words], cwd=place, capture_output=True,
                              text=True, check=False)
        require(done.returncode == 0 and not done.stderr, f"completing {words}: {done.stderr}")
        return done.stdout.splitlines() if done.stdout.strip() else []

    options = _options(folder / "bin" / BINARY)
    cases = {("",): [*options, "--help", "--version"], ("tr",): ["train"],
             ("train", "--log"): ["--log-every"], ("train", "--le"): [],
             ("train", "--data", "tw"): ["two words"], ("train", "--data", "=", "tw"): ["two words"],
             ("train", "--data", "="): ["two words"], ("train", "--shuffle", ""): ["on", "off"],
             ("train", "--steps", ""): [], ("import", "--csv", "twe"): ["twelve.csv"],
             ("eval", "--checkpoint", "tw"): ["twelve.csv", "two words"],
             ("predict", "tw"): ["twelve.csv", "two words"], ("verify", "tw"): ["two words"],
             ("nothing", ""): []}
    cases |= {(name, "--"): there for name, there in options.items()}
    for words, expected in cases.items():
        for program in (BINARY, f"/opt/medley/bin/{BINARY}"):
            found = offered(program, *words)
            require(sorted(found) == sorted(expected), f"{' '.join(words)}: bash offers {found}")
    return f"{len(cases)} beginnings"
