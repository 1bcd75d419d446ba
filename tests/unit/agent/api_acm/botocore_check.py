#!/usr/bin/python3
"""Checks the golden answers of Certificate Manager against botocore's model: every member is modelled, with its type."""
import json
import pathlib
import sys

try:
    import botocore.loaders
    import botocore.model
except ImportError:
    print("skipped: python3-botocore is not installed")
    sys.exit(77)

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("acm", "service-2"))
# What botocore of 2022 does not know yet: other spellings of today's answers.
NEWER_WORDS = {"KeyAlgorithm"}
SCALARS = {"string": str, "boolean": bool, "integer": int, "timestamp": (int, float), "blob": str}
problems = []


def check(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        for name, member in value.items():
            if name in shape.members:
                check(shape.members[name], member, f"{path}.{name}")
            else:
                problems.append(f"{path}.{name}: not in {shape.name}")
    elif kind == "list":
        for index, member in enumerate(value):
            check(shape.member, member, f"{path}[{index}]")
    elif not isinstance(value, SCALARS[kind]) or (kind != "boolean" and isinstance(value, bool)):
        problems.append(f"{path}: expected {kind}, got {value!r}")
    elif kind == "string" and shape.enum and value not in shape.enum and shape.name not in NEWER_WORDS:
        problems.append(f"{path}: {value!r} is none of {shape.enum}")


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).rglob("*.json"))
    assert paths, "no golden answers"
    for path in paths:
        shape = MODEL.operation_model(path.stem).output_shape
        answer = json.loads(path.read_text())
        if shape is None:
            assert answer == {}, path.stem
        else:
            check(shape, answer, path.stem)
    print("\n".join(problems) or f"{len(paths)} answers fit")
    sys.exit(1 if problems else 0)


main()
