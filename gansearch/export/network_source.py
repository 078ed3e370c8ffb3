"""Source of a network: Python that builds it again with torch alone.

Layers of torch become calls of their constructors. Layers of a plugin become copies of their
classes without the constructor, whose work is done by then: the attributes that it set are written
out. So any module can be written whose attributes are layers, parameters, buffers and plain values.
"""

from __future__ import annotations

import ast
import builtins
import dis
import enum
import inspect
import math
import sys
import textwrap
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gansearch.errors import GansearchError

LAYER = '''
class Layer(nn.Module):
    """A layer with the attributes that it is given."""

    def __init__(self, **attributes) -> None:
        nn.Module.__init__(self)
        for name, value in attributes.items():
            setattr(self, name, value)
'''
RESERVED = dict.fromkeys(("Layer", "build", "load", "load_file"), object())
"""Names of the file itself, which nothing of a plugin may have."""
GIVEN = {"torch": torch, "nn": nn, "Path": Path}
"""Names that the file always imports."""
MAX_VALUES = 256
"""Values of a tensor that is no part of the weights, such as a fixed kernel, written as numbers."""


class NetworkSourceError(GansearchError):
    """A network that cannot be written as source; the message says why."""


@dataclass(frozen=True)
class NetworkSource:
    """Parts of a file that builds a network; it imports `torch` and `nn` besides."""

    imports: tuple[str, ...]
    """Import statements."""
    definitions: tuple[str, ...]
    """Classes, functions and constants, those that others need first."""
    expression: str
    """Expression that makes the network, with random weights."""


def network_source(network: nn.Module) -> NetworkSource:
    """Write the source of a network.

    Raises:
        NetworkSourceError: if it cannot be written; the message names the layer and the reason.
    """
    writer = _Writer()
    expression = writer.expression(network)
    definitions = tuple(text.strip("\n") for text in writer.definitions.values())
    return NetworkSource(tuple(writer.imports.values()), definitions, expression)


class _Writer:
    """Collects the imports and definitions that the expressions of layers need."""

    def __init__(self) -> None:
        self.imports: dict[str, str] = {}
        self.definitions: dict[str, str] = {}
        self._objects: dict[str, object] = {**RESERVED, **GIVEN}

    # ----------------------------------------------------------------------------------------------
    # Layers

    def expression(self, module: nn.Module) -> str:
        """Return the expression that makes a layer, with random weights."""
        kind = type(module)
        if parametrize.is_parametrized(module):
            raise NetworkSourceError(f"{kind.__name__} has parametrizations such as spectral_norm")
        if module._forward_hooks or module._forward_pre_hooks:
            raise NetworkSourceError(f"{kind.__name__} has hooks, which are no part of its class")
        path = _torch_path(kind)
        children = dict(module.named_children())
        if path is None or kind is nn.Module:
            return _call(self._class_name(kind), [], self._attributes(module))
        if not isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
            return self._constructor(path, module)

        # Containers, by what their constructors take
        layers = {name: self.expression(child) for name, child in children.items()}
        if isinstance(module, nn.ModuleDict):
            entries = [f"{name!r}: {layer}" for name, layer in layers.items()]
            return f"{path}({_bracketed('{', entries, '}')})"
        if isinstance(module, nn.ModuleList):
            return f"{path}({_bracketed('[', list(layers.values()), ']')})"
        if list(layers) == [str(i) for i in range(len(layers))]:
            return _call(path, list(layers.values()), {})
        self._resolve("OrderedDict", OrderedDict, path)
        pairs = [f"({name!r}, {layer})" for name, layer in layers.items()]
        return f"{path}(OrderedDict({_bracketed('[', pairs, ']')}))"

    def _constructor(self, path: str, module: nn.Module) -> str:
        """Return the call of a torch layer's constructor, by the attributes of the same names."""
        positional: list[str] = []
        named: dict[str, str] = {}
        for name, parameter in inspect.signature(type(module)).parameters.items():
            if name in ("device", "dtype") or parameter.kind in (
                parameter.VAR_POSITIONAL,
                parameter.VAR_KEYWORD,
            ):
                continue
            if name in module._parameters:
                value: object = module._parameters[name] is not None
            elif hasattr(module, name):
                value = getattr(module, name)
            elif parameter.default is not parameter.empty:
                continue
            else:
                raise NetworkSourceError(f"{path} does not keep its argument {name!r}")
            if parameter.default is parameter.empty and not named:
                positional.append(self.value(value, path))
            elif not _is_default(value, parameter.default):
                named[name] = self.value(value, path)
        return _call(path, positional, named)

    def _attributes(self, module: nn.Module) -> dict[str, str]:
        """Return the attributes that a layer has beyond those of an empty module."""
        owner = type(module).__name__
        written = {
            name: self.value(value, f"{owner}.{name}")
            for name, value in vars(module).items()
            if name not in vars(nn.Module())
        }
        for name, parameter in module._parameters.items():
            written[name] = "None" if parameter is None else f"nn.Parameter({_empty(parameter)})"
        for name, buffer in module._buffers.items():
            kept = name not in module._non_persistent_buffers_set
            if buffer is None:
                written[name] = "None"
            elif kept:
                written[name] = f"nn.Buffer({_empty(buffer)})"
            else:
                values = _numbers(buffer, f"{owner}.{name}")
                written[name] = f"nn.Buffer({values}, persistent=False)"
        for name, child in module._modules.items():
            written[name] = "None" if child is None else self.expression(child)
        return written

    # ----------------------------------------------------------------------------------------------
    # Values

    def value(self, value: object, place: str) -> str:
        """Return an expression for the value of an attribute or a constant."""
        match value:
            case None | bool() | int() | str() | bytes() if not isinstance(value, enum.Enum):
                return repr(value)
            case float():
                return repr(value) if math.isfinite(value) else f'float("{value}")'
            case torch.dtype():
                return str(value)
            case enum.Enum():
                return f"{self._class_name(type(value))}.{value.name}"
            case Tensor():
                return _numbers(value, place)
            case tuple():
                entries = [self.value(entry, place) for entry in value]
                if type(value) in (tuple, torch.Size):
                    return f"({', '.join(entries)}{',' * (len(entries) == 1)})"
                return _call(self._class_name(type(value)), entries, {})
            case list():
                return f"[{', '.join(self.value(entry, place) for entry in value)}]"
            case dict():
                pairs = (
                    f"{self.value(key, place)}: {self.value(entry, place)}"
                    for key, entry in value.items()
                )
                return f"{{{', '.join(pairs)}}}"
            case FunctionType() | BuiltinFunctionType() if value.__name__.isidentifier():
                self._resolve(value.__name__, value, place)
                return value.__name__
        raise NetworkSourceError(f"{place} is a {type(value).__name__}, which is no plain value")

    # ----------------------------------------------------------------------------------------------
    # Names: classes, functions, constants and imports

    def _class_name(self, kind: type) -> str:
        self._resolve(kind.__name__, kind, kind.__name__)
        return kind.__name__

    def _resolve(self, name: str, found: object, user: str) -> None:
        """Define or import what a name stands for in the module of its user."""
        if name in self._objects:
            if self._objects[name] is not found:
                raise NetworkSourceError(f"{user} uses {name!r}, a name that is taken in the file")
            return
        if statement := _import_statement(name, found):
            self._objects[name] = found
            self.imports[name] = statement
        elif isinstance(found, (type, FunctionType)):
            self._objects[name] = found
            self._define(name, found)
        elif isinstance(found, ModuleType):
            raise NetworkSourceError(f"{user} uses {found.__name__}, which is not part of torch")
        else:
            self._objects[name] = found
            self.definitions[name] = f"{name} = {self.value(found, name)}"

    def _define(self, name: str, found: type | Callable[..., object]) -> None:
        if found.__name__ != name:
            raise NetworkSourceError(f"{found.__name__} has another name, {name}, in its module")
        try:
            source = textwrap.dedent(inspect.getsource(found))
        except (OSError, TypeError):
            raise NetworkSourceError(f"the source of {name} cannot be read") from None
        if isinstance(found, type) and issubclass(found, nn.Module):
            source = self._without_constructor(source, found)
        scope = vars(sys.modules[found.__module__])
        for used in sorted(_global_names(source) - {name}):
            if used in scope:
                self._resolve(used, scope[used], name)
            elif used not in self._objects:
                raise NetworkSourceError(
                    f"{name} uses the name {used!r}, which its module does not define"
                )
        annotations = [
            annotation
            for node in ast.walk(ast.parse(source))
            for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
            if annotation is not None
        ]
        named = (node for annotation in annotations for node in ast.walk(annotation))
        for used in sorted({node.id for node in named if isinstance(node, ast.Name)}):
            if used in scope and (statement := _import_statement(used, scope[used])):
                self._objects.setdefault(used, scope[used])
                self.imports.setdefault(used, statement)
        self.definitions[name] = source

    def _without_constructor(self, source: str, kind: type[nn.Module]) -> str:
        """Return the source of a layer's class on top of `Layer`, which sets its attributes."""
        definition = ast.parse(source).body[0]
        assert isinstance(definition, ast.ClassDef)
        lines, kept = source.splitlines(), list[str]()
        first = definition.body[0]
        end = min(one.lineno for one in (first, *getattr(first, "decorator_list", ()))) - 1
        for statement in definition.body:
            # Each statement with the comments above it.
            start, end = end, statement.end_lineno or end
            if getattr(statement, "name", None) != "__init__":
                kept += lines[start:end]
        while kept and not kept[0].strip():
            kept.pop(0)

        bases: list[str] = []
        for base in kind.__bases__:
            if base is nn.Module or (issubclass(base, nn.Module) and _torch_path(base)):
                self.definitions.setdefault("Layer", LAYER)
                bases += ["Layer"] if base is nn.Module else ["Layer", str(_torch_path(base))]
            else:
                bases.append(self._class_name(base))
        header = f"class {kind.__name__}({', '.join(bases)}):"
        decorators = [f"@{ast.unparse(one)}" for one in definition.decorator_list]
        return "\n".join([*decorators, header, *(kept or ["    pass"])])


# --------------------------------------------------------------------------------------------------
# Source and names


def _torch_path(kind: type) -> str | None:
    """Return the name of one of torch's own classes, None for others."""
    if getattr(nn, kind.__name__, None) is kind:
        return f"nn.{kind.__name__}"
    if kind.__module__.partition(".")[0] != "torch":
        return None
    known = getattr(sys.modules.get(kind.__module__), kind.__name__, None)
    return f"{kind.__module__}.{kind.__name__}" if known is kind else None


def _is_portable(module: str) -> bool:
    root = module.partition(".")[0]
    return root == "torch" or root in sys.stdlib_module_names


def _import_statement(name: str, found: object) -> str | None:
    """Return the import of something from torch or the standard library, None for other things."""
    if isinstance(found, ModuleType):
        if not _is_portable(found.__name__):
            return None
        package, _, last = found.__name__.rpartition(".")
        if package and last == name:
            return f"from {package} import {name}"
        return f"import {found.__name__}" + (f" as {name}" if name != found.__name__ else "")
    original = getattr(found, "__name__", None)
    if not isinstance(original, str):
        return None
    own = getattr(found, "__module__", None) or ""
    renamed = "" if name == original else f" as {name}"
    for module in filter(_is_portable, (own, "torch", "torch.nn", "torch.nn.functional")):
        if getattr(import_module(module), original, None) is found:
            return f"from {module} import {original}{renamed}"
    return None


def _global_names(source: str) -> set[str]:
    """Return the names that a definition takes from its module when it is made or runs."""
    code = compile(f"from __future__ import annotations\n{source}", "model.py", "exec")
    names: set[str] = set()
    for part in _code_objects(code):
        loaded, stored = set(), set()
        for instruction in dis.get_instructions(part):
            if instruction.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR")):
                loaded.add(instruction.argval)
            elif instruction.opname == "STORE_NAME":
                stored.add(instruction.argval)
        names |= loaded - stored
    return {n for n in names if n not in vars(builtins) and not n.startswith("__")}


def _code_objects(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_objects(constant)


# --------------------------------------------------------------------------------------------------
# Text


def _is_default(value: object, default: object) -> bool:
    """Return True for a default, also if it was repeated once a dimension."""
    if isinstance(value, tuple) and value and not isinstance(default, tuple):
        return all(entry == default for entry in value)
    return type(value) is type(default) and value == default


def _empty(tensor: Tensor) -> str:
    kind = "" if tensor.dtype == torch.float32 else f", dtype={tensor.dtype}"
    return f"torch.empty({tuple(tensor.shape)}{kind})"


def _numbers(tensor: Tensor, place: str) -> str:
    if tensor.numel() > MAX_VALUES:
        raise NetworkSourceError(
            f"{place} is a tensor of {tensor.numel()} values that is no part of the weights; "
            "register it as a persistent buffer"
        )
    values: Any = tensor.tolist()
    return f"torch.tensor({values!r}, dtype={tensor.dtype})"


def _call(name: str, positional: list[str], named: Mapping[str, str]) -> str:
    """Return a call, on several lines where one of its arguments has several or it gets long."""
    arguments = [*positional, *(f"{key}={value}" for key, value in named.items() if _plain(key))]
    if odd := {key: value for key, value in named.items() if not _plain(key)}:
        arguments.append(
            f"**{_bracketed('{', [f'{key!r}: {value}' for key, value in odd.items()], '}')}"
        )
    line = f"{name}({', '.join(arguments)})"
    if "\n" not in line and len(line) <= 80 and name != "nn.Sequential":
        return line
    return name + _bracketed("(", arguments, ")")


def _plain(name: str) -> bool:
    return name.isidentifier()


def _bracketed(opening: str, entries: list[str], closing: str) -> str:
    if not entries:
        return opening + closing
    body = "".join(f"{entry},\n" for entry in entries)
    return f"{opening}\n{textwrap.indent(body, '    ')}{closing}"
