"""Plugins, loaded one at a time: what each declares, or what is wrong with it."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pluggy

from imgredux.errors import PluginError
from imgredux.methods import hooks
from imgredux.methods.declarations import MetricSpec, ProtocolSpec
from imgredux.methods.spec import Spec
from imgredux.registry.metadata import Family, Found, installed

Declared = Spec | MetricSpec | ProtocolSpec
_TYPES: Mapping[Family, type] = {"method": Spec, "metric": MetricSpec, "protocol": ProtocolSpec}


def kind_of(declared: Declared) -> str:
    """The kind whose entry-point group a declaration belongs to."""
    return declared.kind if isinstance(declared, Spec) else "metric" if isinstance(declared, MetricSpec) else "protocol"


class Plugins:
    """Declarations by family and name, as far as they are known, and the errors of plugins that are broken."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hooks.PROJECT)
        self.manager.add_hookspecs(hooks)
        self.known: dict[Family, dict[str, Declared]] = {"method": {}, "metric": {}, "protocol": {}}
        self._broken: dict[tuple[Family, str], Exception] = {}
        self._answers: dict[Family, list[Any]] = {"method": [], "metric": [], "protocol": []}
        # Historic: each plugin answers once, when it is registered.
        for family, answers in self._answers.items():
            getattr(self.manager.hook, f"imgredux_{family}s").call_historic(result_callback=answers.extend)

    def load(self, family: Family, found: Found) -> Declared:
        """The declaration behind an entry point, imported if need be. Raises PluginError when its plugin is broken."""
        name = found.entry.name
        if name in self.known[family]:
            return self.known[family][name]
        if (family, name) in self._broken:
            raise unusable(name, self._broken[family, name])
        plugin: object = None
        for answers in self._answers.values():
            answers.clear()
        with interruptions() as pressed:
            try:
                plugin = found.entry.load()
                if self.manager.is_registered(plugin):
                    self.manager.unregister(plugin)  # so that it answers again
                self.manager.register(plugin)
                self._admit(family, found)
            except BaseException as error:
                # A declaration that raises stays half-registered in pluggy: take it out, so that nothing else sees it.
                if plugin is not None and self.manager.is_registered(plugin):
                    self.manager.unregister(plugin)
                if pressed():
                    raise
                self._broken[family, name] = in_plain(error)
                raise unusable(name, error) from error
        return self.known[family][name]

    def _admit(self, family: Family, found: Found) -> None:
        """Check what the plugin answered, each declaration against its entry point, and know it from now on."""
        name, module = found.entry.name, found.entry.value
        for kin, answers in self._answers.items():
            own = {
                other: one.kind for other, all_ in installed(kin).items() for one in all_ if one.entry.value == module
            }
            for declared in answers:
                if not isinstance(declared, _TYPES[kin]):
                    wanted = _TYPES[kin].__name__
                    raise TypeError(f"imgredux_{kin}s() must return imgredux.{wanted} objects, not {declared!r}")
                if declared.name not in own:
                    raise LookupError(f"it declares {declared.name!r}, which has no entry point on {module!r}")
                is_, should = kind_of(declared), own[declared.name]
                if is_ != should:
                    raise LookupError(f"it declares {declared.name!r} as {is_}, in the entry-point group of {should}s")
        if name not in (declared.name for declared in self._answers[family]):
            raise LookupError(f"its imgredux_{family}s() declares no {name!r}")
        for kin, answers in self._answers.items():
            self.known[kin].update({declared.name: declared for declared in answers})


def unusable(name: str, error: BaseException) -> PluginError:
    """What a user is told of a plugin that cannot be used."""
    return PluginError(f"the plugin for {name!r} is installed but cannot be loaded: {in_plain(error)!r}")


def in_plain(error: BaseException) -> Exception:
    """The error, or what stands for one that would end the process."""
    if isinstance(error, Exception):
        return error
    what = f"it calls sys.exit({error})" if isinstance(error, SystemExit) else f"it raises {error!r}"
    return RuntimeError(what)


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Tells Ctrl-C and SIGTERM, which end the process, from the same exceptions raised by a plugin, which must not."""
    heard: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def hearing(handler: Callable[..., Any]) -> Callable[..., Any]:
        def heed(number: int, frame: Any) -> Any:
            heard.append(number)
            return handler(number, frame)

        return heed

    try:
        for one in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(one)
            if callable(handler):
                before[one] = signal.signal(one, hearing(handler))
    except ValueError:  # not the main thread, where signals do not arrive
        pass
    try:
        yield lambda: bool(heard)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
