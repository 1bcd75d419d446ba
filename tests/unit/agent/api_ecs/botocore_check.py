"""Checks our ECS answers and our table of request shapes against botocore's model of ECS.

usage: botocore_check.py GOLDEN_FOLDER SHAPES_CPP

Every member of a golden answer must be modelled, with the modelled type; members younger than this botocore are listed
in NEWER. Every member that botocore has must be in our request table with the same type. Exit 77: there is no botocore.
"""
import json
import pathlib
import re
import sys

try:
    import botocore.loaders
    import botocore.model
except ImportError:
    print("no botocore here")
    sys.exit(77)

# Members of answers that ECS has and botocore of 2022 does not know yet.
NEWER = {"Service": {"availabilityZoneRebalancing", "resourceManagementType", "currentServiceDeployment", "currentServiceRevisions"},
         "DeploymentConfiguration": {"strategy", "bakeTimeInMinutes"}}
# Parts of requests that we take without looking inside.
UNSEEN = {"ServiceConnectConfiguration.services"}
SCALARS = {"string": str, "boolean": bool, "integer": int, "long": int, "double": (int, float), "timestamp": (int, float)}

problems = []


def check_value(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return problems.append(f"{path}: expected an object, got {value!r}")
        for name, member in value.items():
            if name in shape.members:
                check_value(shape.members[name], member, f"{path}.{name}")
            elif name not in NEWER.get(shape.name, ()):
                problems.append(f"{path}.{name}: not in {shape.name}")
    elif kind == "list":
        if not isinstance(value, list):
            return problems.append(f"{path}: expected a list, got {value!r}")
        for index, member in enumerate(value):
            check_value(shape.member, member, f"{path}[{index}]")
    elif kind == "map":
        for name, member in value.items():
            check_value(shape.value, member, f"{path}.{name}")
    elif not isinstance(value, SCALARS[kind]) or (kind != "boolean" and isinstance(value, bool)):
        problems.append(f"{path}: expected {kind}, got {value!r}")
    elif kind == "string" and shape.enum and value not in shape.enum:
        problems.append(f"{path}: {value!r} is none of {shape.enum}")


def read_table(text):
    table, current = {}, None
    for word in re.search(r'R"shapes\((.*?)\)shapes"', text, re.S).group(1).split():
        name, colon, kind = word.partition(":")
        if colon:
            current[name] = kind
        else:
            current = table.setdefault(name, {})
    return table


def check_request(table, shape, kind, path):
    """`kind` is our word for botocore's `shape`."""
    if kind == "any" or path in UNSEEN:
        return
    name = shape.type_name
    if name == "list":
        if kind[0] != "[":
            return problems.append(f"{path}: {kind} is no list")
        check_request(table, shape.member, kind[1:-1], path + "[]")
    elif name == "map":
        if kind[0] != "{":
            return problems.append(f"{path}: {kind} is no map")
        check_request(table, shape.value, kind[1:-1], path + "{}")
    elif name == "structure":
        if kind not in table:
            return problems.append(f"{path}: no shape {kind}")
        for member, inner in shape.members.items():
            if member not in table[kind]:
                problems.append(f"{kind}.{member}: missing")
            else:
                check_request(table, inner, table[kind][member], f"{kind}.{member}")
    elif name != kind:
        problems.append(f"{path}: {kind}, botocore has {name}")


def main(folder, shapes):
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecs", "service-2"), "ecs")
    files = sorted(pathlib.Path(folder).glob("*.json"))
    for file in files:
        golden = json.loads(file.read_text())
        check_value(model.operation_model(golden["operation"]).output_shape, golden["output"], file.stem)
    table = read_table(pathlib.Path(shapes).read_text())
    operations = [name for name in table if name in model.operation_names]
    for name in operations:
        check_request(table, model.operation_model(name).input_shape, name, name)
    if len(files) < 10 or len(operations) < 30:
        problems.append(f"only {len(files)} golden answers and {len(operations)} operations: looking in the wrong place?")
    print(*problems or ["ok"], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
