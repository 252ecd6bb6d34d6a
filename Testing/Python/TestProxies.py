# SPDX-License-Identifier: BSD-3-Clause
"""
Every proxy of ours can be made, every property says what it does under a label of one pattern, and the
defaults in the XML are those of a fresh VTK object, so that the two never drift apart.
"""
import importlib
import re
import xml.etree.ElementTree as ElementTree

import Plugins
import paraview.simple  # connects to a server and loads the plugins
from paraview import servermanager

LABEL = re.compile(r"[A-Z][A-Za-z0-9]*( ([A-Z0-9][A-Za-z0-9]*|\([A-Za-z]+\)))*")


def configurations():
    """Yields the Python module and the XML of each stage in this build."""
    for path in sorted(Plugins.SOURCE.glob("*/*/*.xml")):
        module = path.with_name("vtk.module").read_text()
        if "TDL_WITH_TORCH" in module and not Plugins.with_torch():
            continue
        library = re.search(r"LIBRARY_NAME\s+(\w+)", module)[1]
        yield importlib.import_module(f"tdl.{library}"), ElementTree.parse(path).getroot()


def fresh_object(base):
    """A new object of a class or, where that is abstract, of one derived from it."""
    for candidate in (base, *base.__subclasses__()):
        try:
            return candidate()
        except TypeError:
            continue
    raise AssertionError(f"{base} has no class that can be made")


def value_of(prop, text):
    """The property's default as Python would get it from the VTK object's getter."""
    if prop.tag == "StringVectorProperty":
        return text
    convert = float if prop.tag == "DoubleVectorProperty" else int
    values = tuple(convert(word) for word in text.split())
    return values[0] if len(values) == 1 else values


def check_default(instance, prop):
    command = prop.get("command", "")
    text = prop.get("default_values")
    if text in (None, "none") or not command.startswith("Set") or command == "SetInputArrayToProcess":
        return 0
    fresh = getattr(instance, "G" + command[1:])()
    fresh = "" if fresh is None else fresh
    expected = value_of(prop, text)
    assert fresh == expected, f"{prop.get('name')}: XML has {expected!r}, the VTK object {fresh!r}"
    return 1


def check_words(proxy, prop):
    where = f"{proxy.get('name')}.{prop.get('name')}"
    label = prop.get("label", "")
    if prop.tag != "InputProperty":
        assert LABEL.fullmatch(label), f"{where} has label {label!r}"
        if "Representation" not in proxy.tag:  # there Python goes by the name, elsewhere by the label
            assert re.sub(r"\W", "", label) == prop.get("name"), f"{where} has label {label!r}"
    documentation = " ".join((prop.findtext("Documentation") or "").split())
    assert documentation.endswith("."), f"{where} is not documented"


compared = made = 0
for module, root in configurations():
    for group in root.iter("ProxyGroup"):
        for proxy in group:
            kind = getattr(module, proxy.get("class", ""), None)
            if not kind:
                continue
            name = proxy.get("name")
            assert (proxy.findtext("Documentation") or "").strip(), f"{name} is not documented"
            fresh = fresh_object(kind)
            for prop in proxy:
                if prop.tag.endswith("Property") and prop.get("information_only") != "1":
                    check_words(proxy, prop)
                    compared += check_default(fresh, prop)
            if type(fresh) is kind:
                instance = servermanager.ProxyManager().NewProxy(group.get("name"), name)
                assert instance, f"{name} cannot be made"
                instance.UpdateVTKObjects()
                made += 1
assert made > 0 and compared > 0, (made, compared)
print(f"{made} proxies made, {compared} defaults compared")
