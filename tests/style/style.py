#!/usr/bin/python3
"""Rules about the shape of the project that a program can check..

usage: style.py RULE ROOT [LIBRARY...]     RULE: includes symbols layout length format words
Prints one line for each place that breaks the rule (file:line: what, and what to do) and exits 1, or exits 0.
tests/style/planted.py plants a fault for every rule and expects it to be found.
"""
import os
import re
import shutil
import subprocess
import sys

# A module may include those to its left, and itself. `client` stands beside the chain: it needs the wire only.
CHAIN = ["base", "wire", "broker", "settings", "host", "store", "rehearsal", "server", "cli"]
MAY_INCLUDE = {module: set(CHAIN[: i + 1]) for i, module in enumerate(CHAIN)}
MAY_INCLUDE["client"] = {"base", "wire", "client"}
MAY_INCLUDE["cli"].add("client")
for module in ("host", "store"):  # the two that speak the C ABI
    MAY_INCLUDE[module].add("yardmaster")

# Heavy headers: the modules whose .cc files may include them. No header of ours may, and no other module.
HEAVY = {
    "yaml-cpp/": {"settings"},
    "nlohmann/": {"cli", "server", "settings"},
    "CLI/": {"cli"},
    "spdlog/": {"server", "cli"},
    "zmq": {"server", "client", "cli"},
}

# What the pure modules may not even name: clocks, files, sockets, threads, randomness, logs.
IMPURE_HEADERS = re.compile(
    r"^(atomic|barrier|condition_variable|ctime|filesystem|fstream|future|iostream|istream|latch|locale|mutex|ostream|"
    r"random|semaphore|shared_mutex|stop_token|thread|cstdio|csignal|time\.h|unistd\.h|pthread\.h|fcntl\.h|sys/.*|"
    r"arpa/.*|netinet/.*|netdb\.h|poll\.h|signal\.h|dlfcn\.h|linux/.*)$"
)
PURE = {"wire", "broker"}

# C functions that a pure module's objects may leave to be linked. All others are a fault: an allow list cannot
# forget a system call. Prefixes are what compilers and sanitizers put in by themselves.
PURE_FUNCTIONS = {
    "memcpy", "memmove", "memset", "memcmp", "memchr", "strlen", "bcmp", "_Unwind_Resume", "__gxx_personality_v0",
    "__cxa_begin_catch", "__cxa_end_catch", "__cxa_rethrow", "__cxa_pure_virtual", "__cxa_guard_acquire",
    "__cxa_guard_release", "__cxa_guard_abort", "__cxa_throw_bad_array_new_length", "__cxa_allocate_exception",
    "__cxa_free_exception", "__cxa_throw", "__cxa_atexit", "__dso_handle", "__stack_chk_fail", "__udivti3", "__umodti3",
    "_GLOBAL_OFFSET_TABLE_", "__tls_get_addr",
}  # fmt: skip
COMPILER_PREFIXES = ("__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "__sancov_", "__start___sancov", "__stop___sancov")
# C++ library names that reach a clock, a file, a thread, a lock, a locale or true randomness.
IMPURE_CPP = re.compile(
    r"std::(chrono::_V2|this_thread|thread|mutex|recursive_mutex|condition_variable|random_device|basic_[io]*fstream|"
    r"basic_filebuf|filesystem|cout|cerr|clog|cin|ios_base|locale|basic_[io]*stringstream|basic_ostream|basic_istream|__future_base|shared_mutex)|"
    r"std::.*\b(steady_clock|system_clock|high_resolution_clock)::now"
)
# What single objects of `base` may call besides: its check writes a message and ends the process, its pages are memory that can
# be given back.
BASE_OBJECTS = {
    "check.cc.o": {"abort", "fprintf", "stderr", "fwrite", "__fprintf_chk"},
    "pages.cc.o": {"mmap", "munmap"},
}

TOP_FOLDERS = {"core", "plugins", "config", "examples", "tests", ".ci"}
TOP_FILES = {
    "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "CHANGELOG.md", "dev", ".clang-format", ".clang-tidy",
    ".gitignore",
}  # fmt: skip
IN_FOLDER = {
    "core": {"plugin", "base", "wire", "broker", "cli", "client", "settings", "host", "store", "rehearsal", "server", "decisions"},
    "plugins": {"routing", "balance", "persistence", "retry", "sdk"},
    "tests": {"unit", "scenario", "simulation", "power", "power_cut", "conformance", "integration", "fuzz", "faults", "bench", "style", "stores", "support"},
}

LINES_MAX = 450  # about 400 is meant; a file that passes it holds a second idea
LONGER = {}  # file: why it may be longer

CPP = (".cc", ".h", ".hpp", ".c")
TEXT = CPP + (".py", ".sh", ".cmake", ".txt", ".yaml", ".md", ".json")
CODE = CPP + (".py", ".sh", ".cmake")


def files(root):
    """Every file of the project, by its path from the root: what git knows, or all but what is built."""
    if os.path.exists(os.path.join(root, ".git")):
        listed = subprocess.run(
            ["git", "-C", root, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if listed.returncode == 0:
            return sorted(f for f in listed.stdout.split("\0") if f and os.path.isfile(os.path.join(root, f)))
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__", "node_modules")]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def lines(root, file):
    with open(os.path.join(root, file), encoding="utf-8", errors="replace") as opened:
        return opened.read().splitlines()


def includes_of(root, file):
    for number, line in enumerate(lines(root, file), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def check_core_include(module, file, bracket, header):
    """What is wrong with one include of a file in core/<module>, or None."""
    heavy = next((h for h in HEAVY if header.startswith(h)), None)
    if heavy:
        if module not in HEAVY[heavy]:
            return f"<{header}> belongs to {', '.join(sorted(HEAVY[heavy]))} only"
        return None if file.endswith(".cc") else f"<{header}> may stand in a .cc file only: it is slow to compile"
    if module == "plugin":
        if header.startswith("yardmaster/") or file.endswith(".hpp"):
            return None
        return None if header in ("stddef.h", "stdint.h") else f"the C ABI includes C standard headers only, not {header}"
    first = header.split("/")[0]
    if bracket == '"' and first not in CHAIN + ["client"]:
        return f'"{header}": write the path from core/, as in "wire/ymp.h"'
    if first in CHAIN + ["client", "yardmaster"] and first not in MAY_INCLUDE[module]:
        return f"{module} may not include {header}: includes go only from right to left in {' <- '.join(CHAIN)}"
    if module in PURE and IMPURE_HEADERS.match(header):
        return f"{module} is pure: no <{header}>; the shell (core/server) passes in what it needs"
    return None


def rule_includes(root):
    for file in files(root):
        if not file.endswith(CPP):
            continue
        part = file.split("/")
        for number, bracket, header in includes_of(root, file):
            wrong = None
            if part[0] == "core" and len(part) > 2:
                wrong = check_core_include(part[1], file, bracket, header)
            elif part[0] == "plugins" and part[1] != "sdk":
                first = header.split("/")[0]
                beside = bracket == '"' and "/" not in header
                if not beside and (bracket == '"' or first in CHAIN + ["client"]):
                    wrong = f"a plugin includes only <yardmaster/...> and what it links itself, not {header}"
            if wrong:
                yield f"{file}:{number}: {wrong}"


def undefined_symbols(library):
    """(object file, mangled, demangled) of what each object leaves open and no object of `library` defines."""
    plain = subprocess.run(["nm", "-A", library], capture_output=True, text=True, check=True).stdout.splitlines()
    names = subprocess.run(["nm", "-A", "-C", library], capture_output=True, text=True, check=True).stdout.splitlines()
    entry = re.compile(r"^.*?:([^:]+\.o):\s*[0-9a-f]*\s+([A-Za-z?]) (.*)$")
    found, defined = [], set()
    for raw, pretty in zip(plain, names):
        a, b = entry.match(raw), entry.match(pretty)
        if not a or not b:
            continue
        if a.group(2) in "Uw":
            found.append((a.group(1), a.group(3), b.group(3)))
        else:
            defined.add(a.group(3))
    return [f for f in found if f[1] not in defined]


def rule_symbols(root, *libraries):
    if not libraries:
        yield "symbols: no library was named, so nothing was scanned"
    for library in libraries:
        name = os.path.basename(library)
        symbols = undefined_symbols(library)
        if not symbols:
            yield f"{name}: nm shows no symbol; is it a library with objects?"
        for unit, mangled, pretty in symbols:
            if mangled.startswith("_Z"):
                if IMPURE_CPP.search(pretty):
                    yield f"{name}({unit}): uses {pretty}; pure modules have no clock, file, thread or randomness of their own"
            elif not (mangled in PURE_FUNCTIONS or mangled.startswith(COMPILER_PREFIXES)):
                if not (name == "libym_base.a" and mangled in BASE_OBJECTS.get(unit, ())):
                    yield f"{name}({unit}): calls {mangled}; pure modules make no system call (or add it to PURE_FUNCTIONS)"


def rule_layout(root):
    for file in files(root):
        part = file.split("/")
        if len(part) == 1:
            if part[0] not in TOP_FILES:
                yield f"{file}:1: no such file at the top; put it into core, plugins, config, examples or tests"
        elif part[0] not in TOP_FOLDERS:
            yield f"{file}:1: no such folder at the top; put it into core, plugins, config, examples or tests"
        elif len(part) > 2 and part[0] in IN_FOLDER and part[1] not in IN_FOLDER[part[0]]:
            yield f"{file}:1: {part[0]}/ has no folder {part[1]}"
        if file.endswith(CPP + (".py",)) and part[0] != "examples" and not re.match(r"^[a-z0-9_]+\.[a-z]+$", part[-1]):
            yield f"{file}:1: names of files are snake_case"


def rule_length(root):
    for file in files(root):
        if file.endswith(CODE) or file == "dev":
            count = len(lines(root, file))
            if count > LINES_MAX and file not in LONGER:
                yield f"{file}:{LINES_MAX}: has {count} lines; look for the second idea in it, and give it a file"
            if count <= LINES_MAX and file in LONGER:
                yield f"{file}:1: no longer too long; take it out of LONGER in tests/style/style.py"


def rule_format(root):
    tool = shutil.which("clang-format") or shutil.which("clang-format-14")
    if tool is None:
        print("skipped: clang-format is not installed (./dev test installs it)")
        return
    sources = [f for f in files(root) if f.endswith(CPP)]
    for i in range(0, len(sources), 50):
        run = subprocess.run(
            [tool, "--dry-run", "--style=file", *sources[i : i + 50]], cwd=root, capture_output=True, text=True, check=False
        )
        for line in run.stderr.splitlines():
            if "[-Wclang-format-violations]" in line:
                yield line.split(": warning")[0] + ": not as clang-format has it; run ./dev fmt"


def rule_words(root):
    left_over = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
    for file in files(root):
        if file.endswith(TEXT) or file == "dev":
            for number, line in enumerate(lines(root, file), 1):
                found = left_over.search(line)
                if found:
                    yield f"{file}:{number}: {found.group(1)}: do it, or write an issue"
                if line != line.rstrip() and not file.endswith(".md"):
                    yield f"{file}:{number}: blanks at the end of the line"


def main(arguments):
    rules = {name[5:]: rule for name, rule in globals().items() if name.startswith("rule_")}
    if len(arguments) < 2 or arguments[0] not in rules:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    faults = list(rules[arguments[0]](arguments[1], *arguments[2:]))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
