"""Settings of every training run. A task adds its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..errors import OptionError, choose
from ..runtime import total_threads

if TYPE_CHECKING:
    from .tasks import Task

SMALL = 20_000  # examples; with fewer, batches are smaller and epochs more
_MIN_EXAMPLES_PER_PROCESS = 16  # one more process is worthwhile for each so many examples in a batch
SCHEDULES = ("linear", "cosine", "constant")

Settings = TypeVar("Settings", bound="TrainingSettings")


@dataclass
class TrainingSettings:
    """Settings that every task has.

    A task's own class adds fields, overrides `suit` and `make_task`, and lists
    the values that `recipe` may have.

    Attributes
    ----------
    recipe : str
        Name of the model and loop, as in config.json.
    epochs : int or None
        None, here and below, chooses a value for the data.
    batch_size : int or None
    learning_rate : float or None
        Adam's learning rate.
    schedule : {"linear", "cosine", "constant"} or None
        How the learning rate falls to 0, after a warm-up.
    warmup : float, default 0.05
        Fraction of all steps over which the rate rises.
    clip : float or None, default 1.0
        Largest global norm of the gradient. None does not clip.
    label_smoothing : float or None
    patience : int or None
        Stop after this many epochs without a better validation loss. None does
        not stop early.
    seed : int, default 0
    device : str, default "auto"
    workers : int or None
        Number of processes that train together on the CPU. Like the seed, it
        changes the result. None is one for each core (or OMP_NUM_THREADS);
        1 on a GPU and for fewer than 20,000 examples.
    model : dict
        More keyword arguments of the recipe's model.
    """

    recipe: str = ""
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup: float = 0.05
    clip: float | None = 1.0
    label_smoothing: float | None = None
    patience: int | None = None
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    model: dict[str, Any] = field(default_factory=dict)

    recipes: ClassVar[tuple[str, ...]] = ()
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = dict(
        epochs=(1, 10_000),
        batch_size=(1, 65_536),
        learning_rate=(1e-8, 10),
        warmup=(0, 1),
        clip=(1e-8, 1e8),
        label_smoothing=(0, 0.9),
        patience=(1, 10_000),
        seed=(0, 2**31 - 1),
        workers=(1, 256),
    )
    # The loop reads these for every task. They are settings only in some tasks.
    extra_epochs = 0
    word_dropout = 0.0
    average = 0.0
    framework = "mxnet"
    amp = False
    # Settings added after version 0.1, with the value that turns them off.
    later: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        choose("recipe", self.recipe, dict.fromkeys(self.recipes))
        if self.schedule is not None:
            choose("schedule", self.schedule, dict.fromkeys(SCHEDULES))
        for setting in fields(self):
            if setting.name in self.ranges:
                _check_number(self, setting)

    @classmethod
    def take(cls: type[Settings], settings: TrainingSettings | None, options: Mapping[str, Any]) -> Settings:
        """Return a function's settings, which were given as an object or as options.

        Parameters
        ----------
        settings : TrainingSettings or None
            Settings of this class.
        options : mapping
            Fields of this class. Empty if settings are given.

        Raises
        ------
        OptionError
            If both are given, the object is of another task, or an option is not a field.
        """
        if settings is None:
            known = [f.name for f in fields(cls)]
            odd = next((name for name in options if name not in known), None)
            if odd is not None:
                raise OptionError(f"{odd!r} is not a setting: expected one of {', '.join(known)}.")
            return cls(**options)
        if options:
            raise OptionError(f"give settings or options, not both: got settings and {', '.join(options)}.")
        if not isinstance(settings, cls):
            raise OptionError(f"settings must be {cls.__name__}(...); got {type(settings).__name__}.")
        return settings

    def identity(self) -> dict[str, Any]:
        """The settings that identify a run.

        Settings of later versions count only if they are on, so that runs of earlier versions can be resumed.
        """
        return {name: value for name, value in asdict(self).items() if name not in self.later or value != self.later[name]}

    def resolve(self: Settings, examples: int, on_cpu: bool = True, devices: int = 1) -> Settings:
        """Return a copy in which every None that means "choose for the data" is replaced by a value.

        Parameters
        ----------
        examples : int
            Number of examples to train and validate on.
        on_cpu : bool, default True
            Whether training runs on the CPU.
        devices : int, default 1
            Number of devices. Each has one process.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        self.suit(values, examples)
        if values["workers"] is None:
            max_workers = 1 if examples < SMALL else total_threads()
            values["workers"] = max(1, min(max_workers, values["batch_size"] // _MIN_EXAMPLES_PER_PROCESS))
        if not on_cpu or not sys.platform.startswith("linux"):
            values["workers"] = 1
        if devices > 1:
            values["workers"] = devices
        return type(self)(**values)

    def suit(self, values: dict[str, Any], examples: int) -> None:
        """Replace values that are None by values for the number of examples.

        Parameters
        ----------
        values : dict
            Settings by name, changed in place.
        examples : int
            Number of examples.
        """
        raise NotImplementedError

    def make_task(self) -> Task:
        """Make the task of these settings. This loads MXNet."""
        raise NotImplementedError


def fill(values: dict[str, Any], **usual: Any) -> None:
    """Replace every None by the usual value.

    Parameters
    ----------
    values : dict
        Settings by name, changed in place.
    **usual : object
        The usual value of each setting.
    """
    values.update({name: value for name, value in usual.items() if values[name] is None})


def _check_number(settings: TrainingSettings, setting: Field[Any]) -> None:
    value: Any
    value, (low, high) = getattr(settings, setting.name), settings.ranges[setting.name]
    if value is None and "None" in str(setting.type):
        return
    whole = str(setting.type).startswith("int")
    expected: Any = Integral if whole else Real
    if not isinstance(value, expected) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise OptionError(f"{setting.name} must be {kind} from {low} to {high}; got {value!r}.")
    setattr(settings, setting.name, int(value) if whole else float(value))  # JSON has no numpy numbers
