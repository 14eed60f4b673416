"""LoRA adapters of a loaded model, by digest: loaded when first wanted, several at once.

peft does the work: its layers are put into the model when the first adapter comes, and each pass switches
them to one adapter, or past all of them, which leaves the model's own computation as it was to the bit.
Left out: passes that mix adapters. Adapters are few at a time here, and one pass each is simple.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Collection
from itertools import count
from pathlib import Path

from peft import LoraConfig, PeftModel, PeftType
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import SAFETENSORS_WEIGHTS_NAME, AuxiliaryTrainingWrapper
from transformers import PreTrainedModel

from autoflow.llm.base import UnknownAdapter
from autoflow.llm.local.calls import Weights

logger = logging.getLogger(__name__)


class Adapters:
    """The adapters of one model. For use in one thread.

    Args:
        model: the model; peft's layers go into it.
        limit: most adapters in memory, 1 or more.
    """

    def __init__(self, model: PreTrainedModel, limit: int) -> None:
        self._model = model
        self._limit = limit
        self._peft: PeftModel | None = None
        self._layers: list[BaseTunerLayer | AuxiliaryTrainingWrapper] = []
        self._names: OrderedDict[str, str] = OrderedDict()
        """peft's name of each digest, least recently used first: a module's name cannot hold any text."""
        self._counter = count()
        self._active: str | None = None

    def load(self, weights: Weights, in_use: Collection[str]) -> bool:
        """Loads an adapter if it is not there yet; if there are too many, the least recently used one goes.

        Args:
            weights: the adapter.
            in_use: digests that must stay.

        Returns:
            Whether it is there; False means that all are in use, and it has to wait.

        Raises:
            UnknownAdapter: the folder holds no adapter that fits the model.
        """
        if weights.digest in self._names:
            self._names.move_to_end(weights.digest)
            return True
        if len(self._names) >= self._limit:
            spare = next((digest for digest in self._names if digest not in in_use), None)
            if spare is None:
                return False
            self._delete(self._names.pop(spare))
        name = f"adapter{next(self._counter)}"
        try:
            self._load(weights.folder, name)
        # What peft and safetensors raise for a folder of someone else's making is not a closed set.
        except Exception as error:
            self._delete(name)
            # The words of those libraries hold paths, and these words are for callers.
            logger.warning("the adapter %s does not fit the model", weights.digest, exc_info=error)
            raise UnknownAdapter(f"the adapter {weights.digest} does not fit the model") from error
        finally:
            self._layers = _layers(self._model)
            self._switch(None)
        self._names[weights.digest] = name
        return True

    def activate(self, digest: str | None) -> None:
        """Makes the model compute with an adapter that is loaded; None makes it compute without."""
        if digest != self._active:
            self._switch(digest)

    def _load(self, folder: Path, name: str) -> None:
        if not (folder / SAFETENSORS_WEIGHTS_NAME).is_file():
            raise ValueError(f"it holds no {SAFETENSORS_WEIGHTS_NAME}")
        config = LoraConfig.from_pretrained(str(folder))
        if config.peft_type != PeftType.LORA:
            raise ValueError(f"it is of the type {config.peft_type}, not LORA")
        # Some ways to initialise rewrite the model's own weights; these are about to be overwritten anyway.
        config.init_lora_weights = True
        config.inference_mode = True
        if self._peft is None:
            self._peft = PeftModel(self._model, config, adapter_name=name)
        else:
            self._peft.add_adapter(name, config)
        loaded = self._peft.load_adapter(str(folder), name, torch_device=str(self._model.device))
        if loaded.missing_keys or loaded.unexpected_keys:
            raise ValueError(
                f"{len(loaded.missing_keys)} of its weights are missing, "
                f"and {len(loaded.unexpected_keys)} have no place"
            )
        self._model.train(False)

    def _delete(self, name: str) -> None:
        if self._peft is not None and name in self._peft.peft_config:
            self._peft.delete_adapter(name)
            self._layers = _layers(self._model)

    def _switch(self, digest: str | None) -> None:
        """Layer by layer: peft's own switch walks through all modules of the model each time."""
        for layer in self._layers:
            layer.enable_adapters(digest is not None)
            if digest is not None:
                layer.set_adapter([self._names[digest]], inference_mode=True)
        self._active = digest


def _layers(model: PreTrainedModel) -> list[BaseTunerLayer | AuxiliaryTrainingWrapper]:
    return [
        module for module in model.modules() if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
    ]
