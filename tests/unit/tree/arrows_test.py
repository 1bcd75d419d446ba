"""Checks the include arrows of docs/architecture.md, its doors, the homes of heavy packages, and a short ban list.

The map itself is read from the page, so page and code cannot drift apart. Run: arrows_test.py SOURCE_DIR
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
PROGRAMS = ("shared", "agent", "balancer")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
# What must not appear outside the named folders, and what to use instead.
BANNED = [
    (re.compile(r"\b(?:system|steady|high_resolution)_clock::now\b"), ("shared/env", "shared/httpd", "shared/log"),
     "env::Executor's clocks"),
    (re.compile(r"\bstd::random_device\b|\brand\(\)"), ("shared/env",), "env::Random"),
    (re.compile(r"\bsleep_for\b|\busleep\("), (), "a timer"),
    (re.compile(r"\bstd::regex\b"), (), "a linear-time matcher"),
    (re.compile(r"\b(?:atoi|atol|strtol|strtoul|strtoll)\("), (), "std::from_chars"),
    (re.compile(r"\bco_await\b|\bco_return\b|\bco_yield\b"), (), "callbacks and explicit states: g++ 12 miscompiles some coroutines"),
    (re.compile(r"\busing namespace\b"), (), "qualified names"),
    (re.compile(r"[^_\w]system\("), (), "no shell"),
]


def block(name):
    page = (ROOT / "docs/architecture.md").read_text()
    found = re.search(r"```" + name + r"\n(.*?)```", page, re.S)
    assert found, f"docs/architecture.md has no block {name}"
    lines = [line.split(":", 1) for line in found.group(1).splitlines() if line.strip()]
    firsts = [first for first, _ in lines]
    assert len(set(firsts)) == len(firsts), f"docs/architecture.md names something twice in the block {name}: " + ", ".join(
        sorted({each for each in firsts if firsts.count(each) > 1}))
    return lines


def home_of(path, arrows):
    """The folder of the map that a file is in: its room if the map names that, else its second-level folder."""
    parts = path.split("/")
    room = "/".join(parts[:3])
    return room if room in arrows else "/".join(parts[:2])


def allowed(target, arrows):
    return any(target == arrow or (arrow.endswith("/*") and target.startswith(arrow[:-1])) for arrow in arrows)


def main():
    arrows = {folder.strip(): targets.split() for folder, targets in block("arrows")}
    packages = [(names.split(), homes.split()) for names, homes in block("packages")]
    doors = {door.strip(): folders.split() for door, folders in block("doors")}
    problems = []
    files = [p for program in PROGRAMS for p in sorted((ROOT / program).rglob("*")) if p.suffix in (".h", ".cpp")]
    assert files, "no sources found"
    for door in doors:
        if not (ROOT / door).is_file():
            problems.append(f"docs/architecture.md: there is no {door}")
    for path in files:
        where, text = path.relative_to(ROOT), path.read_text()
        folder = home_of(where.as_posix(), arrows)
        if folder not in arrows:
            problems.append(f"{where}: folder {folder} is not in the map of docs/architecture.md")
            continue
        for kind, target in INCLUDE.findall(text):
            home = home_of(target, arrows)
            if kind == '"' and target.split("/")[0] in PROGRAMS:
                if home != folder and not allowed(home, arrows[folder]):
                    problems.append(f"{where}: includes {target}, but {folder} has no arrow to {home}")
            elif kind == '"' and target.split("/")[0] == "tests":
                problems.append(f"{where}: includes {target} from the tests")
            if target in doors and not (path.suffix == ".cpp" and allowed(folder, doors[target])):
                problems.append(f"{where}: includes {target}, which is for .cpp files of {' and '.join(doors[target])}")
            for names, homes in packages:
                if any(target == n or target.startswith(n) for n in names) and folder not in homes:
                    problems.append(f"{where}: includes <{target}>, which belongs into {' or '.join(homes)}")
            if target == "nlohmann/json.hpp" and path.suffix == ".h":
                problems.append(f"{where}: json.hpp in a header; use json_fwd.hpp")
        code = re.sub(r"//[^\n]*", "", re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text))
        for pattern, homes, instead in BANNED:
            if folder not in homes and pattern.search(code):
                problems.append(f"{where}: {pattern.search(code).group(0)} is banned here; use {instead}")
        if path.suffix == ".h" and "#pragma once" not in text:
            problems.append(f"{where}: no #pragma once")
    for one, other in (("agent/control", "agent/node"), ("agent/node", "agent/control")):
        reached, todo = set(), [folder for folder in arrows if (folder + "/").startswith(one + "/")]
        while todo:
            folder = todo.pop()
            for target in (t for t in arrows if allowed(t, arrows[folder])):
                if target not in reached:
                    reached.add(target)
                    todo.append(target)
        if any((folder + "/").startswith(other + "/") for folder in reached):
            problems.append(f"docs/architecture.md: {one} reaches {other} through its arrows")
    print("\n".join(problems) or f"{len(files)} files follow the map")
    return 1 if problems else 0


sys.exit(main())
